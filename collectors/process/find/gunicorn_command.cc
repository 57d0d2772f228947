#include "collectors/process/find/gunicorn_command.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "collectors/process/find/gunicorn_title.h"
#include "collectors/process/read/text_fields.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

using Arguments = std::vector<std::string>;

Arguments SplitAtNuls(std::string_view text) {
  Arguments arguments;
  while (!text.empty()) arguments.emplace_back(NextPart(text, '\0'));
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

// "gunicorn", "gunicorn3", "gunicorn-3.11", "gunicorn_paster", and what Nix
// puts behind its wrapper: ".gunicorn-wrapped".
bool IsGunicorn(std::string_view name) {
  constexpr std::string_view kName = "gunicorn";
  constexpr std::string_view kWrapped = "-wrapped";
  while (name.starts_with('.') && name.ends_with(kWrapped)) {
    name = name.substr(1, name.size() - 1 - kWrapped.size());
  }
  if (!name.starts_with(kName)) return false;
  name.remove_prefix(kName.size());
  if (name.empty() || name == "_paster") return true;
  if (name.starts_with('-')) name.remove_prefix(1);
  return !name.empty() && IsDigit(name[0]) &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsModuleOfGunicorn(std::string_view name) {
  return name == "gunicorn" || name == "gunicorn.__main__" ||
         name == "gunicorn.app.wsgiapp";
}

// Where gunicorn's own arguments begin, or nothing.
std::optional<std::size_t> SkipInterpreter(const Arguments& arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string_view program = BaseName(arguments[0]);
  if (IsGunicorn(program)) return 1;
  if (!IsPython(program)) return std::nullopt;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with('-')) {
      if (!IsGunicorn(BaseName(argument))) return std::nullopt;
      return i + 1;
    }
    if (argument == "-") return std::nullopt;
    if (argument.starts_with("--")) {
      if (argument == "--check-hash-based-pycs") ++i;
      continue;
    }
    // -Immodule, -u -X dev: what follows such a letter, there or in the next
    // argument, is its value.
    const auto letter = argument.find_first_of("cmWX", 1);
    if (letter == std::string_view::npos) continue;
    std::string_view value = argument.substr(letter + 1);
    if (value.empty()) {
      if (++i == arguments.size()) return std::nullopt;
      value = arguments[i];
    }
    if (argument[letter] == 'c') return std::nullopt;
    if (argument[letter] != 'm') continue;
    if (!IsModuleOfGunicorn(value)) return std::nullopt;
    return i + 1;
  }
  return std::nullopt;
}

// Source: gunicorn's config.py, 20 to 26.
constexpr std::string_view kSwitches =
    "--capture-output --casefold-http-method --check-config --daemon "
    "--disable-redirect-access-to-syslog --do-handshake-on-connect "
    "--enable-backlog-metric --enable-stdio-inheritance --help --initgroups "
    "--log-syslog --no-control-socket --no-sendfile --permit-obsolete-folding "
    "--permit-unconventional-http-method --permit-unconventional-http-version "
    "--preload --print-config --proxy-protocol --reload --reuse-port --spew "
    "--strip-header-spaces --suppress-ragged-eofs "
    "--tolerate-dangerous-framing --version";
constexpr std::string_view kWithValue =
    "--access-logfile --access-logformat --asgi-disconnect-grace-period "
    "--asgi-lifespan --asgi-loop --backlog --bind --ca-certs --cert-reqs "
    "--certfile --chdir --ciphers --config --control-socket "
    "--control-socket-mode --dirty-app --dirty-graceful-timeout "
    "--dirty-threads --dirty-timeout --dirty-workers --dogstatsd-tags --env "
    "--error-logfile --forwarded-allow-ips --forwarder-headers "
    "--graceful-timeout --group --header-map --http-parser --http-protocols "
    "--http2-cleartext --http2-initial-window-size "
    "--http2-max-concurrent-streams --http2-max-frame-size "
    "--http2-max-header-list-size --keep-alive --keyfile "
    "--limit-request-field_size --limit-request-fields --limit-request-line "
    "--log-config --log-config-json --log-file --log-level "
    "--log-syslog-facility --log-syslog-prefix --log-syslog-to --logger-class "
    "--max-requests --max-requests-jitter --name --paste --paste-global "
    "--paster --pid --protocol --proxy-allow-from --pythonpath "
    "--reload-engine --reload-extra-file --root-path --ssl-version "
    "--statsd-host --statsd-prefix --threads --timeout --umask --user "
    "--uwsgi-allow-from --worker-class --worker-connections --worker-tmp-dir "
    "--workers";

struct Option {
  std::string_view name;
  bool is_switch = false;
};

// As argparse does it, the beginning of one long option's name is that option.
// Which names there are depends on the version: one that is not told apart here
// is a switch where all that it may be are.
Option FindOption(std::string_view said) {
  Option found{said};
  std::size_t count = 0;
  bool has_value = false;
  for (const bool is_switch : {true, false}) {
    std::string_view names = is_switch ? kSwitches : kWithValue;
    while (!names.empty()) {
      const std::string_view name = NextField(names);
      if (name == said) return {name, is_switch};
      if (!name.starts_with(said)) continue;
      if (count++ == 0) found = {name, is_switch};
      has_value = has_value || !is_switch;
    }
  }
  return count <= 1 ? found : Option{said, !has_value};
}

bool EndsAtOnce(std::string_view option) {
  constexpr std::array kOptions = {"--version", "--help", "--check-config",
                                   "v",         "h",      "--print-config"};
  return std::find(kOptions.begin(), kOptions.end(), option) != kOptions.end();
}

struct Said {
  std::optional<std::string> name;
  std::optional<std::string> worker_class;
  std::optional<std::string> threads;
  std::optional<std::string> connections;
  std::optional<std::string> timeout;
  std::optional<std::string> app;
  bool dirty = false;
  bool configured = false;  // A file says more, or its folder is not known.
  bool ends_at_once = false;
};

void TakeOption(Said& said, std::string_view option, std::string value) {
  if (option == "--name" || option == "n") {
    said.name = std::move(value);
  } else if (option == "--worker-class" || option == "k") {
    said.worker_class = std::move(value);
  } else if (option == "--threads") {
    said.threads = std::move(value);
  } else if (option == "--worker-connections") {
    said.connections = std::move(value);
  } else if (option == "--timeout" || option == "t") {
    said.timeout = std::move(value);
  } else if (option == "--dirty-app") {
    said.dirty = true;
  } else if (option == "--config" || option == "c" || option == "--chdir") {
    said.configured = true;
  } else if ((option == "--paste" || option == "--paster") && !said.app) {
    said.app = std::move(value);
  }
}

// Since 26 it may name one of these, else it stands alone.
bool IsProxyMode(std::string_view word) {
  return word == "off" || word == "v1" || word == "v2" || word == "auto";
}

// What is said twice overrides what was said before.
void ReadArguments(const Arguments& arguments, std::size_t first, Said& said) {
  const auto take_app = [&](const std::string& argument) {
    if (!said.app && !argument.empty()) said.app = argument;
  };
  for (std::size_t i = first; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (argument == "--") {
      if (i + 1 < arguments.size()) take_app(arguments[i + 1]);
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      take_app(arguments[i]);
      continue;
    }
    Option option;
    std::optional<std::string> value;
    if (argument[1] == '-') {
      const auto equals = argument.find('=');
      option = FindOption(argument.substr(0, equals));
      if (equals != std::string_view::npos) {
        value = std::string(argument.substr(equals + 1));
      }
      if (option.name == "--proxy-protocol" && !value &&
          i + 1 < arguments.size() && IsProxyMode(arguments[i + 1])) {
        ++i;
      }
    } else {
      // Switches stand before others in one word: -Dn my_app
      const auto letter = argument.find_first_not_of("RD", 1);
      if (letter == std::string_view::npos) continue;
      option = {argument.substr(letter, 1)};
      argument.remove_prefix(letter + 1);
      if (!argument.empty()) {  // -nmy_app, -n=my_app
        value = std::string(argument.substr(argument[0] == '=' ? 1 : 0));
      }
    }
    if (EndsAtOnce(option.name)) said.ends_at_once = true;
    if (option.is_switch) continue;
    if (!value && i + 1 < arguments.size()) value = arguments[++i];
    TakeOption(said, option.name, value.value_or(""));
  }
}

std::optional<unsigned> ToNumber(const std::optional<std::string>& text) {
  return text ? ParseNumber<unsigned>(*text) : std::nullopt;
}

GunicornSettings ToSettings(const Said& said) {
  // A class that a file may name is not known.
  return {said.worker_class.value_or(""),
          SlotsOf(said.worker_class.value_or(said.configured ? "" : "sync"),
                  ToNumber(said.threads), ToNumber(said.connections)),
          ToNumber(said.timeout)};
}

// The value of GUNICORN_CMD_ARGS; empty where it is not set.
std::string_view FindCommandArguments(std::string_view environ) {
  constexpr std::string_view kName = "GUNICORN_CMD_ARGS=";
  while (!environ.empty()) {
    const std::string_view entry = NextPart(environ, '\0');
    if (entry.starts_with(kName)) return entry.substr(kName.size());
  }
  return {};
}

}  // namespace

std::optional<unsigned> SlotsOf(std::string_view worker_class,
                                std::optional<unsigned> threads,
                                std::optional<unsigned> connections) {
  std::optional<unsigned> slots;
  // Of several threads, sync is gthread. Other classes of one's own may do
  // anything.
  if (worker_class == "sync" || worker_class == "gthread") {
    slots = threads;
  } else if (worker_class == "gevent" || worker_class == "eventlet" ||
             worker_class == "asgi") {
    slots = connections;
  }
  return slots == 0U ? std::nullopt : slots;
}

std::optional<GunicornCommand> ParseGunicornCommand(std::string_view cmdline,
                                                    std::string_view environ) {
  const Arguments arguments = SplitAtNuls(cmdline);
  const auto first = SkipInterpreter(arguments);
  if (!first) return std::nullopt;
  Said said;
  ReadArguments(SplitLikeShell(FindCommandArguments(environ)), 0, said);
  // These gunicorn takes of the command line alone.
  said.app.reset();
  said.ends_at_once = false;
  ReadArguments(arguments, *first, said);
  if (said.ends_at_once) return std::nullopt;

  GunicornCommand command;
  command.named = said.name && !said.name->empty();
  command.name = command.named ? *said.name : said.app.value_or("gunicorn");
  command.settings = ToSettings(said);
  command.dirty = said.dirty;
  return command;
}

}  // namespace gunicorn_exporter
