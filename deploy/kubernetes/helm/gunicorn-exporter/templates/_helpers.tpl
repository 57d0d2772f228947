{{- define "gunicorn-exporter.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gunicorn-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 56 | trimSuffix "-" }}
{{- else if contains (include "gunicorn-exporter.name" .) .Release.Name -}}
{{ .Release.Name | trunc 56 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "gunicorn-exporter.name" .) | trunc 56 | trimSuffix "-" }}
{{- end -}}
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

{{- define "gunicorn-exporter.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "gunicorn-exporter.fullname" .) }}
{{- end }}
