#include "collectors/process/read/cgroup.h"

#include <algorithm>

#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::size_t kUidLength = 36;
constexpr std::size_t kUidDigits = 32;

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool IsHex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsHexDigit);
}

// 12345678-1234-1234-1234-123456789abc, with '_' in a systemd slice; a static
// pod's uid is 32 digits without any.
std::string ParseUid(std::string_view text) {
  if (text.size() == kUidDigits && IsHex(text)) return std::string(text);
  if (text.size() != kUidLength) return {};
  std::string uid(text);
  for (std::size_t i = 0; i < uid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash && uid[i] == '_') uid[i] = '-';
    if (dash ? uid[i] != '-' : !IsHexDigit(uid[i])) return {};
  }
  return uid;
}

std::string_view WithoutSuffix(std::string_view text, std::string_view suffix) {
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return text;
}

// "kubepods-burstable-podUID.slice", "podUID"
std::string FindPodUid(std::string_view part) {
  part = WithoutSuffix(part, ".slice");
  const auto pod = part.rfind("pod");
  if (pod == std::string_view::npos || (pod != 0 && part[pod - 1] != '-')) {
    return {};
  }
  return ParseUid(part.substr(pod + 3));
}

// "cri-containerd-ID.scope", "crio-ID", "ID"; a conmon only watches one.
std::string FindContainerId(std::string_view part) {
  part = WithoutSuffix(part, ".scope");
  if (part.find("conmon") != std::string_view::npos) return {};
  const auto dash = part.rfind('-');
  const std::string_view last =
      dash == std::string_view::npos ? part : part.substr(dash + 1);
  if (last.size() == kIdLength && IsHex(last)) return std::string(last);
  // Fargate: 32 digits, a dash, a decimal number.
  if (dash == kUidDigits && IsHex(part.substr(0, dash)) && !last.empty() &&
      last.find_first_not_of("0123456789") == std::string_view::npos) {
    return std::string(part);
  }
  return {};
}

Container ParsePath(std::string_view path) {
  Container container;
  while (!path.empty()) {
    // "kubepods-podUID.slice:cri-containerd:ID" is three parts too.
    const auto end = path.find_first_of("/:");
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (std::string uid = FindPodUid(part); !uid.empty()) {
      container.pod_uid = std::move(uid);
    } else if (std::string id = FindContainerId(part); !id.empty()) {
      container.container_id = std::move(id);
    }
  }
  return container;
}

}  // namespace

Container ParseCgroup(std::string_view text) {
  Container best;
  while (!text.empty()) {
    // 9:name=systemd:/docker/ID
    //                ^^^^^^^^^^
    std::string_view path = NextLine(text);
    NextPart(path, ':');
    NextPart(path, ':');
    Container container = ParsePath(path);
    const auto known = [](const Container& c) {
      return (c.container_id.empty() ? 0 : 2) + (c.pod_uid.empty() ? 0 : 1);
    };
    if (known(container) > known(best)) best = std::move(container);
  }
  return best;
}

std::string PodCgroup(std::string_view path) {
  std::size_t end = 0;
  while (end < path.size()) {
    const std::size_t begin = end + 1;
    end = std::min(path.find('/', begin), path.size());
    if (!FindPodUid(path.substr(begin, end - begin)).empty()) {
      return std::string(path.substr(0, end));
    }
  }
  return {};
}

}  // namespace gunicorn_exporter
