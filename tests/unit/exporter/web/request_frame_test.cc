#include "exporter/web/request_frame.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

using State = RequestFrame::State;

TEST(RequestFrame, EndsAtTheEmptyLine) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const RequestFrame frame = FrameRequest(head + "GET /next");
  EXPECT_EQ(frame.state, State::kComplete);
  EXPECT_EQ(frame.head, head.size());
  EXPECT_EQ(frame.body, 0U);
}

TEST(RequestFrame, IsIncompleteWhileAnyByteIsMissing) {
  const std::string head =
      "POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: x\r\n\r\nabc";
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(FrameRequest(head.substr(0, size)).state, State::kIncomplete)
        << size;
  }
  const RequestFrame frame = FrameRequest(head);
  EXPECT_EQ(frame.state, State::kComplete);
  EXPECT_EQ(frame.body, 3U);
}

TEST(RequestFrame, SkipsEmptyLinesBeforeTheRequest) {
  const RequestFrame frame = FrameRequest("\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(frame.state, State::kComplete);
  EXPECT_EQ(frame.skip, 4U);
}

TEST(RequestFrame, RefusesWhatItCannotTakeOn) {
  const std::string start = "POST / HTTP/1.1\r\n";
  const std::pair<std::string, int> table[] = {
      // Where readers differ about the end, a second request can hide.
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"\nGET / HTTP/1.1\r\n\r\n", 400},
      {start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {start + "Content-Length: +1\r\n\r\n", 400},
      {start + "Content-Length: -1\r\n\r\n", 400},
      {start + "Content-Length: 1, 1\r\n\r\n", 400},
      {start + "Content-Length:\r\n\r\n", 400},
      {start + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {start + "no colon\r\n\r\n", 400},
      {start + ": no name\r\n\r\n", 400},
      {start + "Content-Length : 5\r\n\r\n", 400},
      {start + "Transfer-Encoding\t: chunked\r\n\r\n", 400},
      {start + "X: a\r\n Content-Length: 5\r\n\r\n", 400},
      {start + "X: a\rContent-Length: 5\r\n\r\n", 400},
      {start + std::string("X: a\0b\r\n\r\n", 10), 400},
      {start + "Transfer-Encoding: chunked\r\n\r\n", 411},
      {start + "transfer-encoding: identity\r\n\r\n", 411},
      {start + "Content-Length: 65537\r\n\r\n", 413},
      {"GET /" + std::string(20'000, 'a'), 431},
      {start + "X: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
  };
  for (const auto& [bytes, status] : table) {
    const RequestFrame frame = FrameRequest(bytes);
    EXPECT_EQ(frame.state, State::kRefused) << bytes.substr(0, 80);
    EXPECT_EQ(frame.status, status) << bytes.substr(0, 80);
  }
}

TEST(RequestFrame, TakesTheSameLengthTwice) {
  const RequestFrame frame = FrameRequest(
      "POST / HTTP/1.1\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(frame.state, State::kComplete);
}

}  // namespace
}  // namespace gunicorn_exporter
