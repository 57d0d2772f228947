#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "config/base/config_error.h"
#include "config/yaml_lines.h"

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kMergeKey = "<<";

int LineOf(const YAML::Mark& mark) { return std::max(mark.line, 0) + 1; }

// A list or a map that is still being read.
struct Frame {
  std::shared_ptr<YamlNode> node;
  YAML::anchor_t anchor = 0;
  // Of a map: the key that waits for its value, and the lines of all keys.
  bool has_key = false;
  std::string key;
  int key_line = 0;
  std::unordered_map<std::string, int> key_lines;
};

// Builds the tree from the parser's events.
class Builder : public YAML::EventHandler {
 public:
  Builder(const std::string& text, const std::string& file)
      : lines_(SplitLines(text)), file_(file) {}

  YamlNodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      FailConfig(file_, LineOf(mark), "",
                 "a second document; expected one document in the file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(MakeNode(YamlNode::Kind::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) {
      FailConfig(file_, LineOf(mark), "", "an alias inside of its own anchor");
    }
    Add(target->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    if (!frames_.empty() && IsMap(frames_.back()) && !frames_.back().has_key) {
      SetKey(value, LineOf(mark));
      return;
    }
    auto node = MakeNode(YamlNode::Kind::kScalar, mark);
    node->text = value;
    // "?" is a plain scalar, "!" a quoted one; !!str says text too.
    node->quoted = tag == "!" || tag.ends_with(":str");
    Add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(MakeNode(YamlNode::Kind::kList, mark), anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(MakeNode(YamlNode::Kind::kMap, mark), anchor);
  }
  void OnMapEnd() override {
    Merge(frames_.back());
    Close();
  }

 private:
  static bool IsMap(const Frame& frame) {
    return frame.node->kind == YamlNode::Kind::kMap;
  }

  std::shared_ptr<YamlNode> MakeNode(YamlNode::Kind kind,
                                     const YAML::Mark& mark) const {
    const bool is_item = !frames_.empty() && !IsMap(frames_.back());
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line =
        is_item ? FindItemLine(lines_, mark.line, mark.column) : LineOf(mark);
    return node;
  }

  // Where the next value stands: "instances[0].tags".
  std::string Path() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (!IsMap(frame)) {
        path += "[" + std::to_string(frame.node->items.size()) + "]";
      } else if (frame.has_key) {
        path += (path.empty() ? "" : ".") + frame.key;
      }
    }
    return path;
  }

  void SetKey(const std::string& key, int line) {
    Frame& frame = frames_.back();
    frame.has_key = true;
    frame.key = key;
    frame.key_line = line;
    const auto [earlier, is_new] = frame.key_lines.emplace(key, line);
    if (!is_new) {
      FailConfig(file_, line, Path(),
                 "duplicate key; it stands in line " +
                     std::to_string(earlier->second) + " already");
    }
  }

  void Open(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    CheckKeyIsScalar(*node);
    Frame& frame = frames_.emplace_back();
    frame.node = std::move(node);
    frame.anchor = anchor;
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    Add(std::move(frame.node), frame.anchor);
  }

  void Add(YamlNodePtr node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    CheckKeyIsScalar(*node);
    Frame& frame = frames_.back();
    YamlNode& parent = *frame.node;
    parent.size += node->size;
    if (parent.size > kMaxYamlNodes) {
      FailConfig(file_, node->line, Path(),
                 "more than " + std::to_string(kMaxYamlNodes) +
                     " values with every alias written out");
    }
    if (IsMap(frame)) {
      parent.entries.push_back(
          {std::move(frame.key), frame.key_line, std::move(node)});
      frame.has_key = false;
    } else {
      parent.items.push_back(std::move(node));
    }
  }

  void CheckKeyIsScalar(const YamlNode& node) const {
    if (!frames_.empty() && IsMap(frames_.back()) && !frames_.back().has_key) {
      FailConfig(file_, node.line, Path(),
                 "a key that is no text; expected a name");
    }
  }

  // Replaces "<<: *defaults" by the entries that the map does not have itself.
  void Merge(Frame& frame) const {
    std::vector<YamlEntry>& entries = frame.node->entries;
    const auto merge = std::find_if(
        entries.begin(), entries.end(),
        [](const YamlEntry& entry) { return entry.key == kMergeKey; });
    if (merge == entries.end()) return;
    const YamlEntry source = *merge;
    entries.erase(merge);
    const std::vector<YamlNodePtr> maps =
        source.value->kind == YamlNode::Kind::kList
            ? source.value->items
            : std::vector<YamlNodePtr>{source.value};
    for (const YamlNodePtr& map : maps) {
      if (map->kind != YamlNode::Kind::kMap) {
        FailConfig(
            file_, source.line, Path(),
            "\"<<\" of something else than a mapping; expected an alias of a "
            "mapping");
      }
      for (const YamlEntry& entry : map->entries) {
        if (frame.key_lines.emplace(entry.key, entry.line).second) {
          entries.push_back(entry);
        }
      }
    }
  }

  const std::vector<std::string_view> lines_;
  const std::string& file_;
  int documents_ = 0;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, YamlNodePtr> anchors_;
  YamlNodePtr root_;
};

}  // namespace

YamlNodePtr ParseYaml(const std::string& text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    throw ConfigError(file + ": larger than 1 MiB; expected a configuration");
  }
  int line = 1;
  for (const std::string_view part : SplitLines(text)) {
    const std::string problem = FindBadText(part);
    if (!problem.empty()) FailConfig(file, line, "", problem);
    ++line;
  }
  Builder builder(text, file);
  try {
    // yaml-cpp takes a newline at the end for the quote that is missing there.
    std::istringstream in(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    FailConfig(file, LineOf(error.mark), "", error.msg + "; expected YAML");
  }
  if (builder.root() == nullptr) return std::make_shared<YamlNode>();
  return builder.root();
}

void FailConfig(const std::string& file, int line, const std::string& path,
                const std::string& problem) {
  std::string what = (path.empty() ? "yaml" : path) + ": " + problem;
  for (char& c : what) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  throw ConfigError(file + ":" + std::to_string(line) + ": " + what);
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // Cut between two characters, not inside of one.
    const bool is_start = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (is_start && i >= kMaxBytes) {
      quoted += "...";
      break;
    }
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace gunicorn_exporter
