#include "exporter/scrape/content_negotiation.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "exporter/web/request_frame.h"

namespace gunicorn_exporter {
namespace {

using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;

// One element of the list: "text/plain;version=0.0.4;q=0.5".
struct Offer {
  std::string_view name;  // "text/plain", "gzip"
  Parameters parameters;  // Without q.
  double q = 1;
};

// Takes what stands before the next `separator` outside of quotes.
std::string_view TakePart(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (text[end] == '\\' && quoted) ++end;
    if (end < text.size() && text[end] == separator && !quoted) break;
  }
  end = std::min(end, text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return TrimBlanks(part);
}

std::string_view Unquote(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

// "0.75"; a q that is no number between 0 and 1 means 1, as if it were not
// there.
double ParseQ(std::string_view text) {
  double q = 1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data(), end, q, std::chars_format::fixed);
  const bool valid = error == std::errc() && stop == end && q >= 0 && q <= 1;
  return valid ? q : 1;
}

Offer ParseOffer(std::string_view text) {
  Offer offer;
  offer.name = TakePart(text, ';');
  while (!text.empty()) {
    std::string_view value = TakePart(text, ';');
    const std::string_view name = TakePart(value, '=');
    value = Unquote(TrimBlanks(value));
    if (EqualsIgnoringCase(name, "q")) {
      offer.q = ParseQ(value);
    } else {
      offer.parameters.emplace_back(name, value);
    }
  }
  return offer;
}

std::vector<Offer> ParseOffers(std::string_view header) {
  std::vector<Offer> offers;
  while (!header.empty()) {
    const std::string_view part = TakePart(header, ',');
    if (!part.empty()) offers.push_back(ParseOffer(part));
  }
  return offers;
}

std::string_view Parameter(const Offer& offer, std::string_view name) {
  for (const auto& [key, value] : offer.parameters) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

std::optional<ExpositionFormat> FormatOf(const Offer& offer) {
  const std::string_view version = Parameter(offer, "version");
  if (EqualsIgnoringCase(offer.name, "application/vnd.google.protobuf")) {
    const bool ours =
        Parameter(offer, "proto") == "io.prometheus.client.MetricFamily" &&
        Parameter(offer, "encoding") == "delimited";
    if (ours) return ExpositionFormat::kProtobuf;
  } else if (EqualsIgnoringCase(offer.name, "application/openmetrics-text")) {
    if (version.empty() || version == "1.0.0") {
      return ExpositionFormat::kOpenMetrics;
    }
  } else if (EqualsIgnoringCase(offer.name, "text/plain")) {
    if (version.empty() || version == "0.0.4") return ExpositionFormat::kText;
  }
  return std::nullopt;
}

// The fastest: exposition text shrinks to a tenth all the same, and each level
// above costs more CPU than the network saves.
constexpr int kLevel = 1;

// 15 is zlib's largest window; 16 asks for gzip's header.
constexpr int kWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

}  // namespace

ExpositionFormat NegotiateFormat(std::string_view accept) {
  ExpositionFormat best = ExpositionFormat::kText;
  double best_q = 0;
  for (const Offer& offer : ParseOffers(accept)) {
    const std::optional<ExpositionFormat> format = FormatOf(offer);
    if (format.has_value() && offer.q > best_q) {
      best = *format;
      best_q = offer.q;
    }
  }
  return best;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<double> gzip_q;
  double any_q = 0;
  for (const Offer& offer : ParseOffers(accept_encoding)) {
    if (EqualsIgnoringCase(offer.name, "gzip")) gzip_q = offer.q;
    if (offer.name == "*") any_q = offer.q;
  }
  return gzip_q.value_or(any_q) > 0;
}

std::string Gzip(std::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();  // The only way in which it fails here.
  }
  std::string compressed;
  compressed.resize(bytes.size() / 8 + 256);
  // zlib reads only; its interface predates const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (stream.total_out == compressed.size()) {
      compressed.resize(compressed.size() * 2);
    }
    stream.next_out =
        reinterpret_cast<Bytef*>(compressed.data() + stream.total_out);
    stream.avail_out = static_cast<uInt>(compressed.size() - stream.total_out);
    result = deflate(&stream, Z_FINISH);
  }
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

}  // namespace gunicorn_exporter
