// Which lines that fit no format belong to the message before them: the lines
// of Python's tracebacks, and those that begin with a blank.
//
//     [2026-11-22 05:33:16 +0000] [8865] [ERROR] Exception in worker process
//     Traceback (most recent call last):
//       File "app.py", line 1, in <module>
//     ValueError: of several
//     lines
//
// Not thread safe.
#pragma once

#include <string_view>

namespace gunicorn_exporter {

class Traceback {
 public:
  // A message of a known format; to an error line others may belong.
  void TakeMessage(bool is_error);
  // Whether this line, which fits no format, belongs to the message before it.
  // A traceback that follows none is a message of its own.
  bool TakeLine(std::string_view line);

 private:
  enum class Place {
    kOutside,
    kMessage,    // After an error line.
    kFrames,     // Within a traceback.
    kException,  // After its last line, whose text may go on.
  };
  Place place_ = Place::kOutside;
  int text_lines_ = 0;
};

}  // namespace gunicorn_exporter
