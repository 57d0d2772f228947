#include "collectors/series/series_key.h"

namespace gunicorn_exporter {

std::string ToText(const SeriesKey& key) {
  constexpr char kPart = '\xFF';
  std::string text = key.app.name;
  if (!key.app.pod_uid.empty() || !key.app.container_id.empty()) {
    text += kPart;
    text += key.app.pod_uid;
    text += kPart;
    text += key.app.container_id;
  }
  for (const Label& tag : key.tags) {
    text += kPart;
    text += tag.name;
    text += '=';
    text += tag.value;
  }
  return text;
}

}  // namespace gunicorn_exporter
