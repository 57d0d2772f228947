#include <arpa/inet.h>

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/base/address.h"
#include "config/load_sections.h"
#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

// "env:prod" becomes env="prod". What cannot be a label, and a name that had to
// change, is a notice. Of two tags of one name the first counts: a series has a
// label once.
std::vector<TagLabel> LoadTags(const YamlValue& list) {
  std::vector<TagLabel> labels;
  std::unordered_map<std::string, std::string> taken;  // Label name to path.
  for (const YamlValue& item : list.Items()) {
    const std::string tag = item.String();
    const std::size_t colon = tag.find(':');
    if (colon == tag.npos) {
      item.Notice("ignored: the tag " + Quoted(tag) + " has no value");
      continue;
    }
    const std::string key = tag.substr(0, colon);
    TagLabel label{TagLabelName(key), tag.substr(colon + 1)};
    if (label.name.empty() || label.value.empty()) {
      item.Notice("ignored: the tag " + Quoted(tag) + " has no " +
                  (label.name.empty() ? "name" : "value"));
      continue;
    }
    const auto [earlier, is_new] = taken.emplace(label.name, item.path());
    if (!is_new) {
      item.Notice("ignored: the label " + label.name + " is taken by " +
                  earlier->second);
      continue;
    }
    if (label.name != key) {
      item.Notice("the tag " + Quoted(tag) + " becomes the label " +
                  label.name);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

// As the kernel's tables name a listener: "0.0.0.0:8000" and "[::]:8000" for
// ":8000", "127.0.0.1:8000" and "[::1]:8000" for "localhost:8000".
std::vector<std::string> LoadBind(const YamlValue& list) {
  constexpr std::string_view kUnix = "unix:";  // Or "unix://".
  constexpr char kExpected[] =
      "; expected as gunicorn's --bind has it, \"127.0.0.1:8000\" or "
      "\"unix:/run/my_app.sock\"";
  std::vector<std::string> addresses;
  for (const YamlValue& item : list.Items()) {
    const std::string text = item.String();
    if (text.starts_with(kUnix)) {
      std::string path = text.substr(kUnix.size());
      if (path.starts_with("//")) path.erase(0, 2);
      if (path.empty()) item.Fail(Quoted(text) + " has no path" + kExpected);
      addresses.push_back(std::string(kUnix) + path);
      continue;
    }
    const auto address = ParseAddress(text);
    if (!address) {
      item.Fail(Quoted(text) + " is no address" + kExpected);
    }
    const std::string port = ":" + std::to_string(address->port);
    const int family =
        address->host.find(':') == std::string::npos ? AF_INET : AF_INET6;
    in6_addr bytes{};
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address->host.empty()) {
      addresses.insert(addresses.end(), {"0.0.0.0" + port, "[::]" + port});
    } else if (address->host == "localhost") {
      addresses.insert(addresses.end(), {"127.0.0.1" + port, "[::1]" + port});
    } else if (inet_pton(family, address->host.c_str(), &bytes) == 1) {
      inet_ntop(family, &bytes, host.data(), host.size());
      addresses.push_back(FormatAddress({host.data(), address->port}));
    } else {
      item.Fail(Quoted(text) +
                " names a host; expected its address, which the kernel's "
                "tables show");
    }
  }
  return addresses;
}

constexpr std::int64_t kMostRequestsOfAWorker = 1'000'000;

constexpr KeyRule<InstanceConfig> kInstanceKeys[] = {
    {"proc_name", Set<&InstanceConfig::proc_name, &YamlValue::NonEmptyString>,
     "the name given to gunicorn --name"},
    {"tags", Set<&InstanceConfig::tags, LoadTags>},
    {"statsd_prefix",
     [](const YamlValue& value, InstanceConfig& instance) {
       instance.statsd_prefix = value.String();
       // gunicorn drops the dots at the end of --statsd-prefix, too.
       while (instance.statsd_prefix.ends_with('.')) {
         instance.statsd_prefix.pop_back();
       }
     }},
    {"gunicorn", Set<&InstanceConfig::gunicorn, &YamlValue::String>},
    {"bind", Set<&InstanceConfig::bind, LoadBind>},
    {"threads",
     [](const YamlValue& value, InstanceConfig& instance) {
       instance.threads =
           static_cast<unsigned>(value.Integer(1, kMostRequestsOfAWorker));
     }},
    // The agents' own.
    {"collection_interval"},
    {"disable_generic_tags"},
    {"empty_default_hostname"},
    {"enable_legacy_tags_normalization"},
    {"loader"},
    {"metric_patterns"},
    {"min_collection_interval"},
    {"name"},
    {"namespace"},
    {"no_index"},
    {"service"},
};

}  // namespace

std::vector<InstanceConfig> LoadInstances(const YamlValue& section) {
  std::vector<InstanceConfig> instances;
  std::unordered_map<std::string, std::string> names;     // To the path.
  std::unordered_map<std::string, std::string> prefixes;  // To the path.
  for (const YamlValue& item : section.Items()) {
    InstanceConfig instance;
    ReadMap(item, kInstanceKeys, instance);
    const auto [name, is_new_name] =
        names.emplace(instance.proc_name, item.path());
    if (!is_new_name) {
      item.FailAt("proc_name", Quoted(instance.proc_name) + " is the name of " +
                                   name->second +
                                   " already; expected each name once");
    }
    if (!instance.statsd_prefix.empty()) {
      const auto [prefix, is_new_prefix] =
          prefixes.emplace(instance.statsd_prefix, item.path());
      if (!is_new_prefix) {
        item.FailAt("statsd_prefix", Quoted(instance.statsd_prefix) +
                                         " is the prefix of " + prefix->second +
                                         " already; expected each prefix once");
      }
    }
    instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace gunicorn_exporter
