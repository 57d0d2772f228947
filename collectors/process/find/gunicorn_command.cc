#include "collectors/process/find/gunicorn_command.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace gunicorn_exporter {
namespace {

using Arguments = std::vector<std::string>;

Arguments SplitAtNuls(std::string_view text) {
  Arguments arguments;
  while (!text.empty()) {
    const auto end = text.find('\0');
    arguments.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return arguments;
}

// Words as Python's shlex cuts them: quotes keep blanks, a backslash the next
// byte.
Arguments SplitLikeShell(std::string_view text) {
  Arguments words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string_view BaseName(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool IsGunicorn(std::string_view name) {
  return name == "gunicorn" || name == "gunicorn3";
}

// Where gunicorn's own arguments begin, or nothing.
std::optional<std::size_t> SkipInterpreter(const Arguments& arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string_view program = BaseName(arguments[0]);
  if (IsGunicorn(program)) return 1;
  if (program.find("ython") == std::string_view::npos &&
      program.find("pypy") == std::string_view::npos) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "-m") {
      if (i + 1 == arguments.size()) return std::nullopt;
      const std::string& module = arguments[i + 1];
      if (!IsGunicorn(module) && module != "gunicorn.app.wsgiapp") {
        return std::nullopt;
      }
      return i + 2;
    }
    if (argument == "-X" || argument == "-W" ||
        argument == "--check-hash-based-pycs") {
      ++i;
    } else if (argument.empty() || argument[0] != '-') {
      if (!IsGunicorn(BaseName(argument))) return std::nullopt;
      return i + 1;
    } else if (argument == "-c" || argument == "-") {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// Long options that take no value. Source: gunicorn's config.py, 20 to 26.
bool IsSwitch(std::string_view option) {
  constexpr std::array kSwitches = {
      "--capture-output",
      "--casefold-http-method",
      "--daemon",
      "--disable-redirect-access-to-syslog",
      "--do-handshake-on-connect",
      "--enable-backlog-metric",
      "--enable-stdio-inheritance",
      "--initgroups",
      "--log-syslog",
      "--no-control-socket",
      "--no-sendfile",
      "--permit-obsolete-folding",
      "--permit-unconventional-http-method",
      "--permit-unconventional-http-version",
      "--preload",
      "--proxy-protocol",
      "--reload",
      "--reuse-port",
      "--spew",
      "--strip-header-spaces",
      "--suppress-ragged-eofs",
      "--tolerate-dangerous-framing",
  };
  return std::find(kSwitches.begin(), kSwitches.end(), option) !=
         kSwitches.end();
}

bool EndsAtOnce(std::string_view option) {
  constexpr std::array kOptions = {"--version", "--help", "--check-config",
                                   "-v",        "-h",     "--print-config"};
  return std::find(kOptions.begin(), kOptions.end(), option) != kOptions.end();
}

struct Said {
  std::optional<std::string> name;
  std::optional<std::string> worker_class;
  std::optional<std::string> app;
  bool dirty = false;
  bool ends_at_once = false;
};

void TakeOption(Said& said, std::string_view option, std::string value) {
  if (option == "--name" || option == "-n") {
    said.name = std::move(value);
  } else if (option == "--worker-class" || option == "-k") {
    said.worker_class = std::move(value);
  } else if (option == "--dirty-app") {
    said.dirty = true;
  } else if ((option == "--paste" || option == "--paster") && !said.app) {
    said.app = std::move(value);
  }
}

Said ReadArguments(const Arguments& arguments, std::size_t first) {
  Said said;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!said.app && !argument.empty()) said.app = std::string(argument);
      continue;
    }
    if (EndsAtOnce(argument)) said.ends_at_once = true;
    std::string_view option = argument;
    std::optional<std::string> value;
    if (argument[1] == '-') {
      const auto equals = argument.find('=');
      option = argument.substr(0, equals);
      if (equals != std::string_view::npos) {
        value = std::string(argument.substr(equals + 1));
      }
      if (IsSwitch(option)) continue;
    } else {
      option = argument.substr(0, 2);
      if (option == "-R" || option == "-D") continue;
      if (argument.size() > 2) {  // -nmy_app, -n=my_app
        value = std::string(argument.substr(argument[2] == '=' ? 3 : 2));
      }
    }
    if (!value && i + 1 < arguments.size()) value = arguments[++i];
    TakeOption(said, option, value.value_or(""));
  }
  return said;
}

// The value of GUNICORN_CMD_ARGS; empty where it is not set.
std::string_view FindCommandArguments(std::string_view environ) {
  constexpr std::string_view kName = "GUNICORN_CMD_ARGS=";
  while (!environ.empty()) {
    const auto end = environ.find('\0');
    const std::string_view entry = environ.substr(0, end);
    if (entry.substr(0, kName.size()) == kName) {
      return entry.substr(kName.size());
    }
    environ.remove_prefix(end == std::string_view::npos ? environ.size()
                                                        : end + 1);
  }
  return {};
}

}  // namespace

std::optional<GunicornCommand> ParseGunicornCommand(std::string_view cmdline) {
  return ParseGunicornCommand(cmdline, {});
}

std::optional<GunicornCommand> ParseGunicornCommand(std::string_view cmdline,
                                                    std::string_view environ) {
  const Arguments arguments = SplitAtNuls(cmdline);
  const auto first = SkipInterpreter(arguments);
  if (!first) return std::nullopt;
  Said said = ReadArguments(arguments, *first);
  if (said.ends_at_once) return std::nullopt;
  const Said from_environ =
      ReadArguments(SplitLikeShell(FindCommandArguments(environ)), 0);
  if (!said.name) said.name = from_environ.name;
  if (!said.worker_class) said.worker_class = from_environ.worker_class;

  GunicornCommand command;
  command.named = said.name && !said.name->empty();
  command.name = command.named ? *said.name : said.app.value_or("gunicorn");
  command.worker_class = said.worker_class.value_or("");
  command.dirty = said.dirty || from_environ.dirty;
  return command;
}

}  // namespace gunicorn_exporter
