{{- define "logbook.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "logbook.selector" -}}
app.kubernetes.io/name: logbook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "logbook.labels" -}}
{{ include "logbook.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "logbook.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "logbook.fullname" .) -}}
{{- end -}}

{{- /* For objects outside of the release's namespace, where two releases of one name may meet. */ -}}
{{- define "logbook.clusterWideName" -}}
{{- printf "%s-%s" .Release.Namespace (include "logbook.fullname" .) -}}
{{- end -}}

{{- define "logbook.tlsSecret" -}}
{{- .Values.tls.secretName | default (printf "%s-tls" (include "logbook.fullname" .)) -}}
{{- end -}}

{{- define "logbook.port" -}}
{{- .Values.tls.enabled | ternary "https" "http" -}}
{{- end -}}

{{- /* The port with the probes: one of its own where the other speaks TLS, or where Prometheus may reach no more than that. */ -}}
{{- define "logbook.probePort" -}}
{{- or .Values.tls.enabled .Values.serviceMonitor.enabled | ternary "probes" "http" -}}
{{- end -}}

{{- define "logbook.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ eq .Values.store "postgresql" | ternary "-postgresql" "" }}
{{- end -}}
{{- end -}}

{{- /* A number of a values file is a float64, which would print as 4.294967296e+09. */ -}}
{{- define "logbook.flagValue" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "logbook.hasDatabaseFiles" -}}
{{- if and (eq .Values.store "postgresql") (or .Values.postgresql.existingSecret .Values.postgresql.caSecret) }}true{{ end -}}
{{- end -}}

{{- define "logbook.hasVolumes" -}}
{{- if or .Values.kubernetes.enabled .Values.tls.enabled .Values.access.secretName (include "logbook.hasDatabaseFiles" .) }}true{{ end -}}
{{- end -}}
