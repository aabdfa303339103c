{{- /* The pod of the StatefulSet (store: sqlite) and of the Deployment (store: postgresql). */ -}}
{{- define "logbook.pod" -}}
metadata:
  labels:
    {{- include "logbook.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "logbook.serviceAccount" . }}
  automountServiceAccountToken: false
  # Otherwise the cluster's LOGBOOK_PORT and the like would be among the settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: logbook
      image: {{ include "logbook.image" . }}
      {{- if ne .Values.image.pullPolicy "IfNotPresent" }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- end }}
      args:
        - serve
        {{- if .Values.tls.enabled }}
        - --listen=https://0.0.0.0:8443
        - --tls-certificate=/tls/tls.crt
        - --tls-key=/tls/tls.key
        {{- with .Values.tls.clientAuth }}
        - --tls-client-ca=/tls/ca.crt
        - --tls-client-auth={{ . }}
        {{- end }}
        {{- else }}
        - --listen=0.0.0.0:8080
        {{- end }}
        {{- $name := include "logbook.fullname" . }}
        # The Service's names, shortest first, and the pod's names below them. Addresses and
        # localhost need no flag.
        - --allowed-host=.{{ $name }},.{{ $name }}.$(NAMESPACE),.{{ $name }}.$(NAMESPACE).svc,.{{ $name }}.$(NAMESPACE).svc.cluster.local
        {{- with include "logbook.hosts" . }}
        - {{ printf "--allowed-host=%s" . | quote }}
        {{- end }}
        {{- if eq (include "logbook.probePort" .) "probes" }}
        - --probe-listen=0.0.0.0:8081
        {{- end }}
        {{- if eq .Values.store "postgresql" }}
        - {{ printf "--store=%s" .Values.postgresql.url | quote }}
        {{- if .Values.postgresql.existingSecret }}
        - --store-password-file=/postgresql/password
        {{- end }}
        {{- if .Values.postgresql.requireReplication }}
        - --require-replication
        {{- end }}
        {{- else }}
        - --database=/data/logbook.db
        {{- end }}
        {{- with .Values.kubernetes }}
        {{- if .enabled }}
        - --kubernetes
        {{- range .namespaces }}
        - --kubernetes-namespace={{ . }}
        {{- end }}
        {{- with .fieldSelector }}
        - {{ printf "--kubernetes-field-selector=%s" . | quote }}
        {{- end }}
        {{- with .clusterName }}
        - {{ printf "--cluster-name=%s" . | quote }}
        {{- end }}
        {{- end }}
        {{- end }}
        {{- /* PostgreSQL has no limit on bytes. */}}
        {{- $flags := omit .Values.flags "max-database-bytes" }}
        {{- if eq .Values.store "sqlite" }}
        {{- $flags = merge (dict "max-database-bytes" (index .Values.flags "max-database-bytes" | default (include "logbook.maxDatabaseBytes" .))) $flags }}
        {{- end }}
        {{- range $flag, $value := $flags }}
        - {{ printf "--%s=%s" $flag (include "logbook.flagValue" $value) | quote }}
        {{- end }}
        {{- if .Values.access.secretName }}
        - --access-file=/access/{{ .Values.access.key }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - name: NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- if and (eq .Values.store "postgresql") .Values.postgresql.caSecret }}
        # For a URL without sslrootcert.
        - name: PGSSLROOTCERT
          value: /postgresql/ca.crt
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: {{ include "logbook.port" . }}
          containerPort: {{ .Values.tls.enabled | ternary 8443 8080 }}
        {{- if eq (include "logbook.probePort" .) "probes" }}
        - name: probes
          containerPort: 8081
        {{- end }}
      # Answered from memory, even while the database is opened or migrated, however long that
      # takes.
      livenessProbe:
        httpGet:
          path: /schema/version
          port: {{ include "logbook.probePort" . }}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      readinessProbe:
        httpGet:
          path: /readyz
          port: {{ include "logbook.probePort" . }}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 1
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      {{- if or (eq .Values.store "sqlite") .Values.extraVolumeMounts (include "logbook.hasVolumes" .) }}
      volumeMounts:
        {{- if eq .Values.store "sqlite" }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- if include "logbook.hasDatabaseFiles" . }}
        - name: postgresql
          mountPath: /postgresql
          readOnly: true
        {{- end }}
        {{- if .Values.kubernetes.enabled }}
        - name: kubernetes
          mountPath: /var/run/secrets/kubernetes.io/serviceaccount
          readOnly: true
        {{- end }}
        {{- if .Values.tls.enabled }}
        - name: tls
          mountPath: /tls
          readOnly: true
        {{- end }}
        {{- if .Values.access.secretName }}
        - name: access
          mountPath: /access
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
  {{- if include "logbook.hasVolumes" . }}
  volumes:
    {{- if and (eq .Values.store "sqlite") (not (include "logbook.hasClaimTemplate" .)) }}
    - name: data
      {{- if .Values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim }}
      {{- else }}
      # The events are gone with the pod.
      emptyDir:
        sizeLimit: {{ .Values.persistence.size }}
      {{- end }}
    {{- end }}
    {{- if include "logbook.hasDatabaseFiles" . }}
    # The password is read again for each connection, so a new one needs no restart.
    - name: postgresql
      projected:
        defaultMode: 0440
        sources:
          {{- with .Values.postgresql.existingSecret }}
          - secret:
              name: {{ . }}
              items:
                - key: {{ $.Values.postgresql.passwordKey }}
                  path: password
          {{- end }}
          {{- with .Values.postgresql.caSecret }}
          - secret:
              name: {{ . }}
              items:
                - key: {{ $.Values.postgresql.caKey }}
                  path: ca.crt
          {{- end }}
    {{- end }}
    {{- if .Values.kubernetes.enabled }}
    # The same files as an automounted token, but for this container only. The token lasts an
    # hour, and the kubelet renews it.
    - name: kubernetes
      projected:
        defaultMode: 0440
        sources:
          - serviceAccountToken:
              path: token
              expirationSeconds: 3600
          - configMap:
              name: kube-root-ca.crt
              items:
                - key: ca.crt
                  path: ca.crt
    {{- end }}
    {{- if .Values.tls.enabled }}
    - name: tls
      secret:
        secretName: {{ include "logbook.tlsSecret" . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.access.secretName }}
    - name: access
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.store "postgresql" }}
  # No two pods on one node, where that is possible.
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "logbook.selector" . | nindent 10 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
