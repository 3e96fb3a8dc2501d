{{- define "dropcopy.name" -}}
{{- if contains "dropcopy" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-dropcopy" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "dropcopy.selector" -}}
app.kubernetes.io/name: dropcopy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dropcopy.labels" -}}
{{ include "dropcopy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "dropcopy.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What every pod has in common. */}}
{{- define "dropcopy.pod" -}}
automountServiceAccountToken: false
# A Service of this namespace would be told as DROPCOPY_…_SERVICE_HOST, and unknown DROPCOPY_ names are refused.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "dropcopy.container" -}}
image: {{ include "dropcopy.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "dropcopy.probes" -}}
ports:
  - {name: metrics, containerPort: {{ .Values.metrics.port }}}
# Alive: the event loop turns. It says nothing of Kafka or the venue, which a restart would not bring back.
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
# Ready: a feed's subscription is confirmed and Kafka takes its records; a processor has its partitions and
# their state. A rollout waits for it.
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{/* The settings of every role. */}}
{{- define "dropcopy.env" -}}
- {name: DROPCOPY_BOOTSTRAP_SERVERS, value: {{ .Values.kafka.bootstrapServers | quote }}}
- {name: DROPCOPY_SCHEMA_REGISTRY_URL, value: {{ .Values.registry.url | quote }}}
{{- with .Values.registry.user }}
- {name: DROPCOPY_SCHEMA_REGISTRY_USER, value: {{ . | quote }}}
{{- end }}
{{- if .Values.registry.password }}
- {name: DROPCOPY_SCHEMA_REGISTRY_PASSWORD_FILE, value: /run/secrets/registry/password}
{{- end }}
- {name: DROPCOPY_PARTITIONS, value: {{ .Values.kafka.partitions | quote }}}
- {name: DROPCOPY_REPLICATION_FACTOR, value: {{ .Values.kafka.replicationFactor | quote }}}
- {name: DROPCOPY_BIND_HOST, value: "0.0.0.0"}
- {name: DROPCOPY_METRICS_PORT, value: {{ .Values.metrics.port | quote }}}
{{- range $name, $value := .Values.settings }}
- {name: DROPCOPY_{{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $value := .Values.kafka.properties }}
- {name: DROPCOPY_KAFKA_{{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $_ := .Values.kafka.secrets }}
- {name: DROPCOPY_KAFKA_{{ $name }}_FILE, value: /run/secrets/kafka/{{ $name }}}
{{- end }}
{{- if .Values.kafka.ca }}
- {name: DROPCOPY_KAFKA_SSL_CA_LOCATION, value: /run/secrets/kafka/ca.crt}
{{- end }}
{{- end }}

{{- define "dropcopy.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if or .Values.kafka.secrets .Values.kafka.ca }}
- {name: kafka, mountPath: /run/secrets/kafka, readOnly: true}
{{- end }}
{{- if .Values.registry.password }}
- {name: registry, mountPath: /run/secrets/registry, readOnly: true}
{{- end }}
{{- end }}

{{- define "dropcopy.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if or .Values.kafka.secrets .Values.kafka.ca }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $from := .Values.kafka.secrets }}
      - secret: {name: {{ $from.name }}, items: [{key: {{ $from.key }}, path: {{ $name }}}]}
      {{- end }}
      {{- with .Values.kafka.ca }}
      - secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: ca.crt}]}
      {{- end }}
{{- end }}
{{- with .Values.registry.password }}
- name: registry
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: password}]
{{- end }}
{{- end }}

{{- define "dropcopy.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
