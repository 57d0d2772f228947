#include "collectors/series/keyed_hash.h"

#include <random>

namespace gunicorn_exporter {
namespace {

std::uint64_t RandomWord(std::random_device& device) {
  // Odd, and with its highest bit: a product with it loses nothing.
  return (std::uint64_t{device()} << 32U) | device() | 0x8000000000000001U;
}

HashKey DrawKey() {
  std::random_device device;
  return {RandomWord(device), RandomWord(device)};
}

}  // namespace

const HashKey kHashKey = DrawKey();

}  // namespace gunicorn_exporter
