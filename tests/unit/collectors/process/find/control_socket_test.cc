#include "collectors/process/find/control_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <utility>

#include "tests/support/control_server.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience{60};

TEST(ShowConfigMessage, IsFramedJson) {
  using std::string_literals::operator""s;
  EXPECT_EQ(ShowConfigMessage(),
            "\0\0\0\x23{\"id\": 1, \"command\": \"show config\"}"s);
}

TEST(ControlMessageSize, CountsTheLengthsBytes) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(ControlMessageSize(""), std::nullopt);
  EXPECT_EQ(ControlMessageSize("\0\0\0"sv), std::nullopt);
  EXPECT_EQ(ControlMessageSize("\0\0\0\0"sv), 4U);
  EXPECT_EQ(ControlMessageSize("\0\0\1\2{"sv), 4U + 258);
  EXPECT_EQ(ControlMessageSize("\xff\xff\xff\xff"sv), 0x100000003U);
}

TEST(ToWorkerClass, NamesGunicornsOwnAsTheOptionDoes) {
  const std::pair<const char*, const char*> table[] = {
      {"<class 'gunicorn.workers.sync.SyncWorker'>", "sync"},
      {"<class 'gunicorn.workers.gthread.ThreadWorker'>", "gthread"},
      {"<class 'gunicorn.workers.ggevent.GeventWorker'>", "gevent"},
      {"<class 'gunicorn.workers.ggevent.GeventPyWSGIWorker'>", "gevent"},
      {"<class 'gunicorn.workers.geventlet.EventletWorker'>", "eventlet"},
      {"<class 'gunicorn.workers.gasgi.ASGIWorker'>", "asgi"},
      {"<class 'gunicorn.workers.gtornado.TornadoWorker'>", "tornado"},
      {"<class 'gunicorn.workers.later.Worker'>",
       "gunicorn.workers.later.Worker"},
      {"<class 'uvicorn.workers.UvicornWorker'>",
       "uvicorn.workers.UvicornWorker"},
      {"gthread", "gthread"},
      {"<class ''>", ""},
      {"<class '>", "<class '>"},
      {"", ""},
  };
  for (const auto& [printed, name] : table) {
    EXPECT_EQ(ToWorkerClass(printed), name) << printed;
  }
}

TEST(ParseShowConfig, TellsTheSettings) {
  const auto settings = ParseShowConfig(Framed(kShowConfigOfGthread));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->worker_class, "gthread");
  EXPECT_EQ(settings->slots, 8U);
  EXPECT_EQ(settings->timeout_seconds, 60U);
}

TEST(ParseShowConfig, TakesWhatIsToldAndInRange) {
  const struct {
    const char* data;
    std::optional<unsigned> slots;
    std::optional<unsigned> timeout;
  } table[] = {
      {"{}", {}, {}},
      {R"({"threads": 8, "timeout": 0})", {}, 0},
      {R"({"worker_class": "<class 'gunicorn.workers.sync.SyncWorker'>",
           "threads": 1, "worker_connections": 1000, "timeout": 30})",
       1, 30},
      {R"({"worker_class": "<class 'gunicorn.workers.ggevent.GeventWorker'>",
           "threads": 1, "worker_connections": 1000})",
       1000,
       {}},
      {R"({"worker_class": "<class 'shop.Worker'>", "threads": 4})", {}, {}},
      {R"({"worker_class": "gthread", "threads": "4", "timeout": 1.5})",
       {},
       {}},
      {R"({"worker_class": "gthread", "threads": -4, "timeout": -1})", {}, {}},
      {R"({"worker_class": "gthread", "threads": 4294967296})", {}, {}},
      {R"({"worker_class": "gthread", "threads": 0, "timeout": null})", {}, {}},
      {R"({"worker_class": ["gthread"], "threads": 4})", {}, {}},
  };
  for (const auto& row : table) {
    const auto settings = ParseShowConfig(Framed(
        std::string(R"({"id": 1, "status": "ok", "data": )") + row.data + "}"));
    ASSERT_TRUE(settings) << row.data;
    EXPECT_EQ(settings->slots, row.slots) << row.data;
    EXPECT_EQ(settings->timeout_seconds, row.timeout) << row.data;
  }
}

TEST(ParseShowConfig, RefusesWhatIsNoAnswer) {
  const std::string whole = Framed(kShowConfigOfGthread);
  const std::string table[] = {
      "",
      whole.substr(0, 3),
      whole.substr(0, 4),
      whole.substr(0, whole.size() - 1),
      whole + " ",
      Framed(""),
      Framed("{"),
      Framed("[1]"),
      Framed("null"),
      Framed(std::string(20000, '[')),
      Framed("\xff\xfe"),
      Framed(R"({"id": 1, "status": "error", "error": "Unknown command"})"),
      Framed(R"({"id": 2, "status": "ok", "data": {}})"),
      Framed(R"({"status": "ok", "data": {}})"),
      Framed(R"({"id": 1, "status": true, "data": {}})"),
      Framed(R"({"id": 1, "status": "ok"})"),
      Framed(R"({"id": 1, "status": "ok", "data": [4]})"),
  };
  for (const std::string& message : table) {
    EXPECT_FALSE(ParseShowConfig(message)) << message.substr(0, 80);
  }
}

class AskForConfigTest : public testing::Test {
 protected:
  // What is understood of the answer.
  std::optional<GunicornSettings> AskWithAnswer(const std::string& answer) {
    std::thread serving([&] { asked_ = server_.Serve(answer); });
    const auto settings = Ask(kPatience);
    serving.join();
    return settings;
  }

  std::optional<GunicornSettings> Ask(milliseconds timeout,
                                      pid_t master = getpid()) {
    std::vector<FileDescriptor> sockets;
    sockets.push_back(server_.OpenPath());
    return AskForConfig(master, sockets, timeout);
  }

  TempDir folder_;
  ControlServer server_{folder_ / (std::string(60, 'x') + ".ctl")};
  std::string asked_;
};

TEST_F(AskForConfigTest, AsksOnceAndUnderstands) {
  const auto settings = AskWithAnswer(Framed(kShowConfigOfGthread));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->slots, 8U);
  EXPECT_EQ(asked_, ShowConfigMessage());
}

TEST_F(AskForConfigTest, TakesNoAnswerForNothing) {
  const std::string whole = Framed(kShowConfigOfGthread);
  EXPECT_FALSE(AskWithAnswer(""));
  EXPECT_FALSE(AskWithAnswer(whole.substr(0, 2)));
  EXPECT_FALSE(AskWithAnswer(whole.substr(0, whole.size() - 1)));
  EXPECT_FALSE(AskWithAnswer(Framed("no JSON")));
}

TEST_F(AskForConfigTest, ReadsNoMoreThanALittle) {
  // Not one byte of what it announces has to come.
  EXPECT_FALSE(AskWithAnswer(std::string("\0\1\0\0", 4)));
  EXPECT_FALSE(AskWithAnswer(Framed(std::string(kLongestControlMessage, ' '))));
  const std::string data =
      std::string(kShowConfigOfGthread) +
      std::string(kLongestControlMessage - 4 - kShowConfigOfGthread.size(),
                  ' ');
  EXPECT_TRUE(AskWithAnswer(Framed(data)));
}

TEST_F(AskForConfigTest, GivesUpWhereNobodyAnswers) {
  EXPECT_FALSE(Ask(milliseconds(20)));
  EXPECT_EQ(server_.TakeWaiting(), ShowConfigMessage())
      << "and the connection is closed";
}

TEST_F(AskForConfigTest, DoesNotWaitWhereTheQueueIsFull) {
  std::vector<FileDescriptor> waiting;
  const FileDescriptor path = server_.OpenPath();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "/proc/self/fd/" + std::to_string(path.get());
  std::memcpy(&address.sun_path, name.c_str(), name.size() + 1);
  for (;;) {
    FileDescriptor client(
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(client.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof address) != 0) {
      break;
    }
    waiting.push_back(std::move(client));
  }
  // That it comes back at all is the test: its patience is a year.
  EXPECT_FALSE(Ask(std::chrono::hours(8760)));
}

TEST_F(AskForConfigTest, SendsNothingToASocketOfAnother) {
  EXPECT_FALSE(Ask(kPatience, getppid()));
  EXPECT_EQ(server_.TakeWaiting(), "");
}

TEST_F(AskForConfigTest, FindsTheMastersOwnAmongSeveral) {
  // A socket that nobody listens on any more, and one of another process.
  const std::string gone = folder_ / "gone";
  const std::string others = folder_ / "others";
  { const ControlServer server(gone); }
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const ControlServer server(others);
    const bool written = write(ready[1], "r", 1) == 1;
    for (;;) pause();
    _exit(written ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  std::vector<FileDescriptor> sockets;
  for (const std::string& path : {gone, others}) {
    sockets.emplace_back(open(path.c_str(), O_PATH | O_CLOEXEC));
    ASSERT_TRUE(sockets.back());
  }
  sockets.push_back(server_.OpenPath());
  std::thread serving(
      [&] { asked_ = server_.Serve(Framed(kShowConfigOfGthread)); });
  EXPECT_TRUE(AskForConfig(getpid(), sockets, kPatience));
  serving.join();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace gunicorn_exporter
