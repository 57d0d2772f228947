#include "config/base/address.h"

#include <charconv>

namespace gunicorn_exporter {

std::optional<Address> ParseAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // An IPv6 address without brackets: where does it
                          // end?
  }

  Address address;
  address.host = host;
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return std::nullopt;
  }
  return address;
}

std::string FormatAddress(const Address& address) {
  const std::string port = ":" + std::to_string(address.port);
  if (address.host.find(':') == std::string::npos) return address.host + port;
  return "[" + address.host + "]" + port;
}

}  // namespace gunicorn_exporter
