{{- define "gunicorn-exporter.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gunicorn-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "gunicorn-exporter.name" .) .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "gunicorn-exporter.name" .) | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "gunicorn-exporter.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "gunicorn-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gunicorn-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gunicorn-exporter.labels" -}}
{{ include "gunicorn-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* The metadata of an object: (list . NAME NAMESPACE LABELS ANNOTATIONS); the chart's own labels win. */ -}}
{{- define "gunicorn-exporter.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ index . 2 | default (include "gunicorn-exporter.namespace" $root) }}
labels:
  {{- merge (include "gunicorn-exporter.labels" $root | fromYaml) (index . 3) $root.Values.commonLabels | toYaml | nindent 2 }}
{{- with index . 4 }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gunicorn-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "gunicorn-exporter.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "gunicorn-exporter.image" -}}
{{- $registry := (.Values.global).imageRegistry | default .Values.image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository -}}
{{- with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* A probe: (list . PATH WHAT_THE_VALUES_SAY). */ -}}
{{- define "gunicorn-exporter.probe" -}}
{{- $root := index . 0 -}}
{{- $get := dict "path" (index . 1) "port" ($root.Values.probes.port | default "metrics") -}}
{{- if ne $root.Values.probes.scheme "HTTP" }}{{ $_ := set $get "scheme" $root.Values.probes.scheme }}{{ end -}}
{{- if or (index . 2).httpGet (index . 2).exec (index . 2).tcpSocket -}}
{{ toYaml (index . 2) }}
{{- else -}}
{{ merge (dict "httpGet" $get) (index . 2) | toYaml }}
{{- end -}}
{{- end }}

{{- /* The endpoint of a monitor: (list KIND_OF_THE_META_LABELS VALUES). */ -}}
{{- define "gunicorn-exporter.endpoint" -}}
{{- $values := index . 1 -}}
port: metrics
interval: {{ $values.interval }}
{{- with $values.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- if ne $values.path "/metrics" }}
path: {{ $values.path }}
{{- end }}
{{- if ne $values.scheme "http" }}
scheme: {{ $values.scheme }}
{{- end }}
{{- with $values.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.authorization }}
authorization:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.honorLabels }}
honorLabels: true
{{- end }}
relabelings:
  # The dashboards know the node as "node".
  - targetLabel: job
    replacement: gunicorn
  - sourceLabels:
      - __meta_kubernetes_pod_node_name
    targetLabel: node
  # A node keeps its series over a restart of the exporter's pod.
  - sourceLabels:
      - __meta_kubernetes_pod_node_name
    targetLabel: instance
  - action: labeldrop
    regex: pod|container|endpoint{{ if eq (index . 0) "service" }}|service{{ end }}
  {{- with $values.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What a monitor says beside its endpoints: (list ROOT VALUES). */ -}}
{{- define "gunicorn-exporter.monitor" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
selector:
  matchLabels:
    {{- include "gunicorn-exporter.selectorLabels" $root | nindent 4 }}
{{- if ne ($values.namespace | default (include "gunicorn-exporter.namespace" $root)) (include "gunicorn-exporter.namespace" $root) }}
namespaceSelector:
  matchNames:
    - {{ include "gunicorn-exporter.namespace" $root }}
{{- end }}
{{- if $values.scrapeClassicHistograms }}
scrapeClassicHistograms: true
{{- end }}
{{- with $values.sampleLimit }}
sampleLimit: {{ . }}
{{- end }}
{{- end }}
