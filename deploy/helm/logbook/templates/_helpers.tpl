{{- define "logbook.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "logbook.fullname" -}}
{{- $name := include "logbook.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "logbook.selector" -}}
app.kubernetes.io/name: {{ include "logbook.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pods of `backup` and `helm test`. The Service must not choose them. */ -}}
{{- define "logbook.clientSelector" -}}
app.kubernetes.io/name: {{ include "logbook.name" . }}-client
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "logbook.labels" -}}
{{ include "logbook.selector" . }}
{{ include "logbook.release" . }}
{{- end -}}

{{- define "logbook.release" -}}
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
{{- or .Values.tls.enabled .Values.serviceMonitor.enabled .Values.podMonitor.enabled | ternary "probes" "http" -}}
{{- end -}}

{{- /* The job is called logbook, whatever the release's name, because the alerts and the dashboard expect that. */ -}}
{{- define "logbook.job" -}}
- targetLabel: job
  replacement: logbook
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

{{- /* Two fifths of the volume, because a backup, and the copy before a migration, are made beside the database. */ -}}
{{- define "logbook.maxDatabaseBytes" -}}
{{- $units := dict "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- $number := regexFind "^[0-9]+" .Values.persistence.size -}}
{{- div (mul (int64 $number) (get $units (trimPrefix $number .Values.persistence.size)) 2) 5 -}}
{{- end -}}

{{- /* The claim of a StatefulSet has the name of its template. */ -}}
{{- define "logbook.hasClaimTemplate" -}}
{{- if and (eq .Values.store "sqlite") .Values.persistence.enabled (not .Values.persistence.existingClaim) }}true{{ end -}}
{{- end -}}

{{- define "logbook.claim" -}}
accessModes:
  {{- toYaml .accessModes | nindent 2 }}
{{- /* As in many charts, "-" is the class without a name: no volume is made for the claim. */}}
{{- with .storageClass }}
storageClassName: {{ eq . "-" | ternary "" . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}

{{- /* The address of the Service, for clients in the cluster. */ -}}
{{- define "logbook.url" -}}
{{ .Values.tls.enabled | ternary "https" "http" }}://{{ include "logbook.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
{{- end -}}

{{- /* The names by which an Ingress or an HTTPRoute asks. */ -}}
{{- define "logbook.hosts" -}}
{{- $hosts := list -}}
{{- if .Values.ingress.enabled }}{{ range .Values.ingress.hosts }}{{ $hosts = append $hosts .host }}{{ end }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end -}}
{{- $short := list -}}
{{- range $hosts }}{{ $short = append $short (trimPrefix "*" .) }}{{ end -}}
{{- $short | uniq | join "," -}}
{{- end -}}

{{- define "logbook.hasDatabaseFiles" -}}
{{- if and (eq .Values.store "postgresql") (or .Values.postgresql.existingSecret .Values.postgresql.caSecret) }}true{{ end -}}
{{- end -}}

{{- define "logbook.hasVolumes" -}}
{{- if or .Values.extraVolumes (and (eq .Values.store "sqlite") (not (include "logbook.hasClaimTemplate" .))) .Values.kubernetes.enabled .Values.tls.enabled .Values.access.secretName (include "logbook.hasDatabaseFiles" .) }}true{{ end -}}
{{- end -}}
