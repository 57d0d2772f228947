#include "exporter/command_line.h"

#include <gtest/gtest.h>

#include "config/base/config_error.h"

namespace gunicorn_exporter {
namespace {

std::string ErrorOf(const std::vector<std::string>& arguments) {
  try {
    ParseCommandLine(arguments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(CommandLine, HasTheInterfacesDefaults) {
  const Flags flags = ParseCommandLine({}).flags;
  EXPECT_EQ(flags.web_listen_addresses, std::vector<std::string>{":18125"});
  EXPECT_EQ(flags.statsd_listen_udp,
            std::vector<std::string>{"127.0.0.1:8125"});
  EXPECT_TRUE(flags.statsd_listen_tcp.empty());
  EXPECT_EQ(flags.statsd_unixsocket_mode, 0722U);
  EXPECT_EQ(flags.web_max_requests, 40U);
  EXPECT_EQ(flags.path_procfs, "/proc");
  EXPECT_TRUE(flags.collector_process);
  EXPECT_FALSE(flags.web_enable_lifecycle);
}

TEST(CommandLine, RepeatsAnAddressInPlaceOfTheDefault) {
  const Flags flags = ParseCommandLine({"--web.listen-address=127.0.0.1:1",
                                        "--web.listen-address", "[::1]:2"})
                          .flags;
  EXPECT_EQ(flags.web_listen_addresses,
            (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
}

TEST(CommandLine, SwitchesUdpOffWithAnEmptyAddress) {
  EXPECT_TRUE(ParseCommandLine({"--statsd.listen-udp="})
                  .flags.statsd_listen_udp.empty());
  EXPECT_TRUE(ParseCommandLine({"--statsd.listen-udp", ""})
                  .flags.statsd_listen_udp.empty());
  // The next flag is not its value.
  EXPECT_TRUE(ParseCommandLine({"--statsd.listen-udp=", "--log.level=debug"})
                  .flags.statsd_listen_udp.empty());
}

TEST(CommandLine, SwitchesABooleanOffWithNo) {
  EXPECT_FALSE(ParseCommandLine({"--no-collector.logs"}).flags.collector_logs);
  EXPECT_TRUE(ParseCommandLine({"--collector.logs"}).flags.collector_logs);
  EXPECT_TRUE(
      ParseCommandLine({"--web.enable-lifecycle"}).flags.web_enable_lifecycle);
}

TEST(CommandLine, TakesFlagsBeforeAndAfterCheck) {
  const CommandLine before = ParseCommandLine({"--path.procfs=/a", "check"});
  EXPECT_EQ(before.command, Command::kCheck);
  EXPECT_EQ(before.flags.path_procfs, "/a");
  const CommandLine after = ParseCommandLine({"check", "--path.procfs=/b"});
  EXPECT_EQ(after.command, Command::kCheck);
  EXPECT_EQ(after.flags.path_procfs, "/b");
}

TEST(CommandLine, PrintsHelpAndVersion) {
  const CommandLine help = ParseCommandLine({"--help"});
  EXPECT_EQ(help.command, Command::kPrint);
  EXPECT_NE(help.text.find("--statsd.relay-address"), std::string::npos);
  const CommandLine version = ParseCommandLine({"--version"});
  EXPECT_EQ(version.command, Command::kPrint);
  EXPECT_TRUE(version.text.starts_with("gunicorn_exporter, version "));
}

TEST(CommandLine, NamesTheFlagThatIsWrong) {
  const std::pair<std::vector<std::string>, std::string> table[] = {
      {{"--nonsense"}, "--nonsense: unknown flag or command"},
      {{"nonsense"}, "nonsense: unknown flag or command"},
      {{"--web.listen-address=8125"},
       "--web.listen-address: \"8125\" is not an address"},
      {{"--statsd.listen-tcp=::1:5"},
       "--statsd.listen-tcp: \"::1:5\" is not an address"},
      {{"--statsd.unixsocket-mode=999"},
       "--statsd.unixsocket-mode: \"999\" is not an octal mode"},
      {{"--statsd.unixsocket-mode=7777"},
       "--statsd.unixsocket-mode: \"7777\" is not an octal mode"},
      {{"--statsd.read-buffer=1k"},
       "--statsd.read-buffer: \"1k\" is not a number of bytes"},
      {{"--statsd.relay-address=:9125"},
       "--statsd.relay-address: \":9125\" is not HOST:PORT"},
      {{"--web.max-requests=-1"},
       "--web.max-requests: \"-1\" is not a number from 0 on"},
      {{"--web.telemetry-path=/m x"},
       "--web.telemetry-path: \"/m x\" is no path as requests have it; "
       "expected printable ASCII without blanks, \"?\", \"#\" and \"%\""},
      {{"--web.telemetry-path=/m%41"},
       "--web.telemetry-path: \"/m%41\" is no path as requests have it; "
       "expected printable ASCII without blanks, \"?\", \"#\" and \"%\""},
      {{"--web.telemetry-path=metrics"},
       "--web.telemetry-path: \"metrics\" does not begin with \"/\""},
      {{"--log.level=loud"},
       "--log.level: \"loud\" is none of debug, error, info, warn"},
      {{"--log.format=xml"}, "--log.format: \"xml\" is none of json, logfmt"},
      {{"--config.check"}, "--config.check: there is no file to check"},
      {{"--config.check=2"}, "--config.check: \"2\" is neither true nor false"},
      {{"--web.enable-lifecycle="},
       "--web.enable-lifecycle: \"\" is neither true nor false"},
      {{"--no-collector.logs=-1"},
       "--no-collector.logs: \"-1\" is neither true nor false"},
      {{""}, "\"\": unknown flag or command"},
      {{"--statsd.listen-udp=*:8125"},
       "--statsd.listen-udp: \"*:8125\" is not an address"},
  };
  for (const auto& [arguments, expected] : table) {
    const std::string error = ErrorOf(arguments);
    EXPECT_TRUE(error.starts_with(expected)) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(CommandLine, TakesAnAbsolutePathOfAUnixSocketWithOrWithoutItsScheme) {
  for (const std::string path : {"/run/x.sock", "unix:///run/x.sock"}) {
    const CommandLine line =
        ParseCommandLine({"check", "--statsd.listen-unixgram=" + path});
    EXPECT_EQ(line.flags.statsd_listen_unixgram, "/run/x.sock");
  }
  for (const std::string wrong :
       {"socket", "./socket", "@socket", "unix:socket", "unix://socket",
        "unix:/run/socket", "unix://", "udp:///run/socket"}) {
    EXPECT_EQ(ErrorOf({"check", "--statsd.listen-unixgram=" + wrong}),
              "--statsd.listen-unixgram: \"" + wrong +
                  "\" is no path; expected an absolute path, or unix:///path");
  }
}

TEST(CommandLine, ReadsPermissionsAsAnOctalNumber) {
  for (const std::string text : {"722", "0722"}) {
    const CommandLine line =
        ParseCommandLine({"--statsd.unixsocket-mode=" + text});
    EXPECT_EQ(line.flags.statsd_unixsocket_mode, 0722U) << text;
  }
}

TEST(CommandLine, TakesAValueThatEndsWithAnEqualsSign) {
  EXPECT_EQ(ParseCommandLine({"--config.file=/etc/a="}).flags.config_file,
            "/etc/a=");
  EXPECT_TRUE(ParseCommandLine({"--statsd.listen-udp="})
                  .flags.statsd_listen_udp.empty());
}

TEST(CommandLine, RefusesAFlagWithoutItsValue) {
  EXPECT_NE(ErrorOf({"--config.file"}).find("--config.file"),
            std::string::npos);
}

}  // namespace
}  // namespace gunicorn_exporter
