"""Reads the delimited protobuf exposition: no more of io.prometheus.client than names and labels.

The field numbers are those of the Prometheus project's metrics.proto: MetricFamily {1: name, 4: metric},
Metric {1: label}, LabelPair {1: name, 2: value}.
"""


def label_sets(body):
    """[(family's name, {label: value})], one for each series. ValueError where it is not well-formed."""
    found = []
    for _, family in _delimited(body):
        fields = list(_fields(family))
        (name,) = [_text(value) for number, value in fields if number == 1]
        for number, metric in fields:
            if number != 4:
                continue
            labels = {}
            for pair in [dict(_fields(value)) for label, value in _fields(metric) if label == 1]:
                labels[_text(pair[1])] = _text(pair.get(2, b""))
            found.append((name, labels))
    return found


def _text(value):
    return value.decode()  # Strictly: a protobuf string is UTF-8.


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _delimited(data):
    at = 0
    while at < len(data):
        size, at = _varint(data, at)
        if at + size > len(data):
            raise ValueError("a message ends in its middle")
        yield at, data[at : at + size]
        at += size


def _fields(data):
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"no field has the wire type {kind}")
        if at > len(data):
            raise ValueError("a field ends after its message")
        yield key >> 3, value
