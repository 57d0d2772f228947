#include "config/base/address.h"

#include "config/base/number.h"

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

  const auto number = ParseNumber<std::uint16_t>(port);
  if (!number) return std::nullopt;
  return Address{std::string(host), *number};
}

std::string FormatAddress(const Address& address) {
  const std::string port = ":" + std::to_string(address.port);
  if (address.host.find(':') == std::string::npos) return address.host + port;
  return "[" + address.host + "]" + port;
}

}  // namespace gunicorn_exporter
