// Takes off what stands before a line's own text, and tells where the line goes
// on in the next one. Pure.
//
//     2024-05-13T06:08:22.86Z stderr F TEXT                              CRI
//     {"log":"TEXT\n","stream":"stderr","time":"2024-..."}    Docker json-file
//     {"MESSAGE":"TEXT","__REALTIME_TIMESTAMP":"17..."}   journalctl -o json
//     Nov 22 05:33:19 host gunicorn[8865]: TEXT         journald, RFC 3164
//     2026-11-22T05:33:19.123456+00:00 host gunicorn[8865]: TEXT     rsyslog
//     <14>1 2026-11-22T05:33:19Z host gunicorn 8865 - - TEXT        RFC 5424
//     ESC[32mTEXT ESC[0m                                        colour codes
//
// One may stand in another, to a depth of four. Sources: the Kubernetes CRI's
// logging format (kubelet's pkg/kubelet/kuberuntime/logs), Docker's
// daemon/logger/jsonfilelog, journalctl(1), the RFCs.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

struct StrippedLine {
  std::string_view text;    // Borrowed from the line, or from the buffer.
  bool is_stderr = false;   // Else stdout, or it does not say.
  bool is_partial = false;  // The next line of the same stream goes on.
};

// `buffer` is for a text that does not stand in the line as it is; it holds
// until the next call.
StrippedLine StripPrefix(std::string_view line, std::string& buffer);

}  // namespace gunicorn_exporter
