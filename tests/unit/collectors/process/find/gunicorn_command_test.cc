#include "collectors/process/find/gunicorn_command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace gunicorn_exporter {
namespace {

// "a b" as the kernel shows it: each argument ended by a NUL.
std::string Cmdline(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '\0');
  text += '\0';
  return text;
}

TEST(ParseGunicornCommand, FindsTheName) {
  const struct {
    const char* command;
    const char* name;
  } table[] = {
      {"/usr/bin/python3 /usr/bin/gunicorn --name my_app app:app", "my_app"},
      {"/usr/bin/python3 /usr/bin/gunicorn --name=my_app app:app", "my_app"},
      {"python3 -m gunicorn -n my_app app:app", "my_app"},
      {"python3 -m gunicorn -nmy_app app:app", "my_app"},
      {"python3 -m gunicorn -n=my_app app:app", "my_app"},
      {"python3 -u -X dev -W ignore -m gunicorn app:app", "app:app"},
      {"/opt/venv/bin/python /opt/venv/bin/gunicorn -c conf.py shop.wsgi",
       "shop.wsgi"},
      {"/opt/venv/bin/gunicorn -w 3 --preload -D shop:app", "shop:app"},
      {"pypy3 -m gunicorn.app.wsgiapp shop:app", "shop:app"},
      {"python3 gunicorn -b 127.0.0.1:8000 --reload --workers=4 a.b:c",
       "a.b:c"},
      {"python3 -m gunicorn -c conf.py", "gunicorn"},
      {"python3 -m gunicorn", "gunicorn"},
      {"python3 -m gunicorn --name  app:app", "app:app"},
      {"/opt/bin/gunicorn-3.11 shop:app", "shop:app"},
      {"python3 /usr/bin/gunicorn3.11 shop:app", "shop:app"},
      {"python3 /usr/bin/gunicorn_paster dev.ini", "dev.ini"},
      {"/nix/store/x/bin/python3.11 /nix/store/y/bin/.gunicorn-wrapped "
       "shop:app",
       "shop:app"},
      {"python3 -mgunicorn -n shop app:app", "shop"},
      {"python3 -Im gunicorn.app.wsgiapp app:app", "app:app"},
      {"python3 -Wignore -uXdev -mgunicorn.__main__ app:app", "app:app"},
      // As argparse takes them.
      {"gunicorn --nam shop app:app", "shop"},
      {"gunicorn --na=shop app:app", "shop"},
      {"gunicorn --prel app:app", "app:app"},
      {"gunicorn --no app:app", "app:app"},  // One of 20's, two of 25's.
      {"gunicorn --worker-cl gthread --bin :80 app:app", "app:app"},
      {"gunicorn --log-conf x app:app", "app:app"},
      {"gunicorn --new-in-27 x app:app", "app:app"},
      {"gunicorn -DRn shop app:app", "shop"},
      {"gunicorn -DRnshop app:app", "shop"},
      {"gunicorn -w 2 -- app:app", "app:app"},
      {"gunicorn -w 2 -- app:app -n shop", "app:app"},
      {"gunicorn shop:app -- app:app", "shop:app"},
      {"gunicorn --", "gunicorn"},
      {"gunicorn --proxy-protocol app:app", "app:app"},
      {"gunicorn --proxy-protocol off app:app", "app:app"},
      {"gunicorn --proxy-protocol v1 app:app", "app:app"},
      {"gunicorn --proxy-protocol v2 app:app", "app:app"},
      {"gunicorn --proxy-prot auto app:app", "app:app"},
      {"gunicorn --proxy-protocol=v2 app:app", "app:app"},
      {"gunicorn app:app --proxy-protocol", "app:app"},
  };
  for (const auto& row : table) {
    const auto command = ParseGunicornCommand(Cmdline(row.command));
    ASSERT_TRUE(command) << row.command;
    EXPECT_EQ(command->name, row.name) << row.command;
  }
}

TEST(ParseGunicornCommand, RefusesOtherPrograms) {
  for (const char* command : {"",
                              "sh -c gunicorn",
                              "vim gunicorn",
                              "grep gunicorn",
                              "python3 gunicorn.py",
                              "python3 manage.py gunicorn",
                              "python3 -c gunicorn",
                              "python3 -m http.server gunicorn",
                              "python3",
                              "python3 -m",
                              "tini -- gunicorn app:app",
                              "sudo gunicorn app:app",
                              "python3 /usr/bin/gunicorn --version",
                              "python3 /usr/bin/gunicornc",
                              "gunicorn-exporter",
                              "gunicorn-",
                              "gunicorn.py",
                              ".gunicorn",
                              "python3 -mgunicorn_exporter",
                              "python3 -m",
                              "python3 -cgunicorn",
                              "python3 -Ic gunicorn",
                              "python3 -",
                              "gunicorn -Dv",
                              "gunicorn --vers",
                              "gunicorn --check-config app:app",
                              "gunicorn --print-config app:app",
                              "gunicorn -h"})
    EXPECT_FALSE(ParseGunicornCommand(Cmdline(command))) << command;
}

TEST(ParseGunicornCommand, TellsTheWorkerClassAndDirtyApps) {
  const auto command = ParseGunicornCommand(
      Cmdline("python3 -m gunicorn -k uvicorn.workers.UvicornWorker "
              "--dirty-app app:Dirty app:app"));
  ASSERT_TRUE(command);
  EXPECT_EQ(command->settings.worker_class, "uvicorn.workers.UvicornWorker");
  EXPECT_TRUE(command->dirty);
}

TEST(ParseGunicornCommand, TellsTheTimeoutWhereTheArgumentsDo) {
  const std::pair<const char*, std::optional<unsigned>> kCases[] = {
      {"", std::nullopt},      {"-t 90", 90},
      {"--timeout=0", 0},      {"--time 45", 45},
      {"-t", std::nullopt},    {"-t soon", std::nullopt},
      {"-t -1", std::nullopt}, {"--graceful-timeout 5", std::nullopt},
  };
  for (const auto& [arguments, timeout] : kCases) {
    const auto command = ParseGunicornCommand(
        Cmdline("python3 /usr/bin/gunicorn " + std::string(arguments)));
    ASSERT_TRUE(command) << arguments;
    EXPECT_EQ(command->settings.timeout_seconds, timeout) << arguments;
  }
  const auto command = ParseGunicornCommand(
      Cmdline("gunicorn -k gthread app:app"),
      std::string_view("GUNICORN_CMD_ARGS=--timeout 7 --threads 2\0", 42));
  ASSERT_TRUE(command);
  EXPECT_EQ(command->settings.timeout_seconds, 7U);
  EXPECT_EQ(command->settings.slots, 2U);
}

TEST(ParseGunicornCommand, TellsTheSlotsOfAWorkerWhereTheArgumentsDo) {
  const struct {
    const char* arguments;
    std::optional<unsigned> slots;
  } kCases[] = {
      {"", std::nullopt},
      {"--threads 8", 8},
      {"--threads=8 -k gthread", 8},
      {"-k sync --threads 1", 1},
      {"-k gthread", std::nullopt},
      {"-k gevent --threads 8", std::nullopt},
      {"-k gevent --worker-connections 50", 50},
      {"-k shop.Worker --threads 8", std::nullopt},
      {"--threads 0", std::nullopt},
      {"--threads many", std::nullopt},
      {"-c shop.py --threads 8", std::nullopt},
      {"--config=shop.py --threads 8", std::nullopt},
      {"--chdir /srv --threads 8", std::nullopt},
      {"-c shop.py -k gthread --threads 8", 8},
  };
  for (const auto& [arguments, slots] : kCases) {
    const auto command = ParseGunicornCommand(
        Cmdline(std::string("gunicorn ") + arguments + " app:app"));
    ASSERT_TRUE(command) << arguments;
    EXPECT_EQ(command->settings.slots, slots) << arguments;
  }
}

TEST(ParseGunicornCommand, TakesTheNameFromTheEnvironment) {
  const std::string environ = std::string("PATH=/bin") + '\0' +
                              "GUNICORN_CMD_ARGS=--name 'my app' -k gthread" +
                              '\0';
  const auto command =
      ParseGunicornCommand(Cmdline("python3 -m gunicorn app:app"), environ);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->name, "my app");
  EXPECT_EQ(command->settings.worker_class, "gthread");
}

TEST(ParseGunicornCommand, LetsTheCommandLineOverrideTheEnvironment) {
  const auto command =
      ParseGunicornCommand(Cmdline("python3 -m gunicorn -n mine app:app"),
                           "GUNICORN_CMD_ARGS=--name=other");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->name, "mine");
}

}  // namespace
}  // namespace gunicorn_exporter
