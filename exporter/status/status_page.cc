#include "exporter/status/status_page.h"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace gunicorn_exporter {
namespace {

void Replace(std::string& text, std::string_view mark, std::string_view by) {
  const std::size_t at = text.find(mark);
  if (at != std::string::npos) text.replace(at, mark.size(), by);
}

// Text for the inside of a string of JavaScript, in a script element.
std::string EscapeForScript(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '/' || c == '_' ||
                       c == '-' || c == '.' || byte >= 0x80;
    if (plain) {
      escaped += c;
    } else {
      escaped += "\\x";
      escaped += kHex[byte >> 4U];
      escaped += kHex[byte & 15U];
    }
  }
  return escaped;
}

// 'sha256-...', as a Content-Security-Policy names what it lets in.
std::string HashSource(std::string_view text) {
  std::array<unsigned char, 32> digest = {};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(),
                 nullptr) != 1) {
    throw std::bad_alloc();
  }
  std::array<unsigned char, 48> base64 = {};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(),
                                     static_cast<int>(digest.size()));
  return "'sha256-" + std::string(base64.begin(), base64.begin() + length) +
         "'";
}

}  // namespace

StatusPage MakeStatusPage(std::string_view telemetry_path) {
  std::string script(kStatusPageJs);
  Replace(script, "/*telemetry-path*/", EscapeForScript(telemetry_path));
  StatusPage page;
  page.html = kStatusPageHtml;
  Replace(page.html, "<!--style-->",
          "<style>" + std::string(kStatusPageCss) + "</style>");
  Replace(page.html, "<!--script-->", "<script>" + script + "</script>");
  page.security_policy = "default-src 'none'; style-src " +
                         HashSource(kStatusPageCss) + "; script-src " +
                         HashSource(script) +
                         "; connect-src 'self'; img-src data:; base-uri "
                         "'none'; form-action 'none'; frame-ancestors 'none'";
  return page;
}

}  // namespace gunicorn_exporter
