// Bytes from the network, through all that reads them: the frame, cpp-httplib's
// parser, and the headers that the endpoints look at.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/scrape/content_negotiation.h"
#include "exporter/web/endpoints.h"
#include "exporter/web/http_exchange.h"
#include "exporter/web/password_check.h"
#include "exporter/web/request_frame.h"

namespace gunicorn_exporter {
namespace {

HttpResponse Answer(const HttpRequest& request) {
  NegotiateFormat(request.accept);
  AcceptsGzip(request.accept_encoding);
  ParseBasicAuthorization(request.authorization);
  if (ScrapeTime(request.scrape_timeout).count() <= 0) abort();
  DecodePercent(request.path);
  return {};
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using gunicorn_exporter::RequestFrame;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  gunicorn_exporter::NegotiateFormat(bytes);
  gunicorn_exporter::AcceptsGzip(bytes);
  const RequestFrame frame = gunicorn_exporter::FrameRequest(bytes);
  if (frame.state != RequestFrame::State::kComplete) return 0;
  if (frame.skip + frame.head + frame.body > size) abort();
  const auto answer = gunicorn_exporter::AnswerHttp(
      bytes.substr(frame.skip, frame.head), gunicorn_exporter::Answer);
  if (!answer.head.starts_with("HTTP/1.1 ")) abort();
  return 0;
}
