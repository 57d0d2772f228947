#include "config/python_format.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kFloats = "fFeEgG";
constexpr std::string_view kIntegers = "diu";
constexpr std::string_view kTexts = "sra";

// An atom from whose value a group is made.
struct Atom {
  std::string_view name;
  std::string_view group;
  // What Python makes of the value with %s.
  std::string_view value;
  bool may_be_float = false;
};

constexpr Atom kStatus = {"s", "status", "\\d+"};
// The finest first.
constexpr Atom kDurations[] = {{"D", "microseconds", "\\d+", true},
                               {"L", "seconds", "\\d+(?:\\.\\d*)?", true},
                               {"M", "milliseconds", "\\d+", true},
                               {"T", "seconds", "\\d+", true}};
constexpr Atom kRecord[] = {{"levelname", "level", "\\w+"},
                            {"levelno", "level", "\\d+"},
                            {"process", "pid", "\\d+"},
                            {"message", "message", ".*"}};
// All others are texts, or "-". Some loggers give b and s as numbers.
constexpr std::string_view kAccessNumbers[] = {"s", "b", "B", "D",
                                               "L", "M", "T"};
constexpr std::string_view kRecordNumbers[] = {
    "created", "levelno",         "lineno", "msecs",
    "process", "relativeCreated", "thread"};

// %(L)-8.3f
struct Conversion {
  std::string text;  // As it stands in the format.
  std::string name;
  std::string flags;
  std::string width;
  std::string precision;  // ".3"; may be empty.
  std::string type;
};

re2::StringPiece ToPiece(std::string_view text) {
  return {text.data(), text.size()};
}

// The conversion with which the text begins.
Conversion TakeConversion(std::string_view& format) {
  static const re2::RE2 kConversion(
      R"(^(%\((\{[^}]*\}[a-z]|\w+)\)([-#0 +]*)(\d*)(\.\d*)?[hlL]?)"
      R"(([diouxXeEfFgGcrsa])))");
  Conversion made;
  re2::StringPiece rest = ToPiece(format);
  if (!re2::RE2::PartialMatch(rest, kConversion, &made.text, &made.name,
                              &made.flags, &made.width, &made.precision,
                              &made.type)) {
    throw std::invalid_argument("Python cannot format from \"" +
                                std::string(format.substr(0, 20)) + "\" on");
  }
  format.remove_prefix(made.text.size());
  return made;
}

[[noreturn]] void Refuse(const Conversion& conversion, std::string_view why) {
  throw std::invalid_argument("\"" + conversion.text + "\" " +
                              std::string(why));
}

// What Python writes, with the value as the atom's group.
std::string ToGroup(const Conversion& conversion, const Atom& atom) {
  const bool is_float = kFloats.find(conversion.type) != kFloats.npos;
  const bool is_text = kTexts.find(conversion.type) != kTexts.npos;
  if ((is_float && !atom.may_be_float) ||
      (!is_float && !is_text &&
       kIntegers.find(conversion.type) == kIntegers.npos)) {
    Refuse(conversion, "does not write the number as it is");
  }
  // Of a fraction only the last digits are cut.
  if (is_text && !conversion.precision.empty() && atom.value == "\\d+")
    Refuse(conversion, "cuts the number");
  std::string value(atom.value);
  if (is_float) value = "\\d+(?:\\.\\d*)?(?:[eE][-+]?\\d+)?";
  if (!is_float && !is_text) value = "\\d+";
  std::string pattern;
  const bool is_padded = !conversion.width.empty();
  const bool is_quoted = is_text && conversion.type != "s";
  if (is_padded || conversion.flags.find(' ') != std::string::npos)
    pattern += " *";
  if (is_quoted) pattern += "'?";
  if (conversion.flags.find('+') != std::string::npos) pattern += "\\+?";
  pattern += "(?P<" + std::string(atom.group) + ">" + value + ")";
  if (is_quoted) pattern += "'?";
  if (is_padded) pattern += " *";
  return pattern;
}

// `atoms`: the ones of which groups are made, at the first place of each group.
std::string ToPattern(std::string_view format, std::vector<Atom> atoms,
                      std::span<const std::string_view> numbers) {
  std::string pattern = "^";
  while (!format.empty()) {
    if (format.starts_with("%%") || !format.starts_with('%')) {
      pattern += re2::RE2::QuoteMeta(ToPiece(format.substr(0, 1)));
      format.remove_prefix(format.starts_with("%%") ? 2 : 1);
      continue;
    }
    const Conversion conversion = TakeConversion(format);
    if (kTexts.find(conversion.type) == kTexts.npos &&
        std::ranges::find(numbers, conversion.name) == numbers.end()) {
      Refuse(conversion, "writes a number, which this is not");
    }
    const auto atom = std::find_if(
        atoms.begin(), atoms.end(),
        [&](const Atom& one) { return one.name == conversion.name; });
    if (atom == atoms.end()) {
      pattern += ".*?";
      continue;
    }
    pattern += ToGroup(conversion, *atom);
    const std::string_view group = atom->group;
    std::erase_if(atoms, [&](const Atom& one) { return one.group == group; });
  }
  return pattern + "$";
}

}  // namespace

bool IsPythonFormat(std::string_view text) {
  static const re2::RE2 kAtom(R"(%\((?:\w+|\{[^}]*\}[a-z])\))");
  return text.find("(?P<") == text.npos &&
         re2::RE2::PartialMatch(ToPiece(text), kAtom);
}

std::string AccessFormatToPattern(std::string_view format) {
  std::vector<Atom> atoms = {kStatus};
  for (const Atom& duration : kDurations) {
    if (format.find("%(" + std::string(duration.name) + ")") == format.npos)
      continue;
    atoms.push_back(duration);
    break;
  }
  return ToPattern(format, std::move(atoms), kAccessNumbers);
}

std::string ErrorFormatToPattern(std::string_view format) {
  return ToPattern(format, {std::begin(kRecord), std::end(kRecord)},
                   kRecordNumbers);
}

}  // namespace gunicorn_exporter
