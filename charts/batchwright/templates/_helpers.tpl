{{- define "batchwright.name" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}{{ else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "batchwright.selector" -}}
app.kubernetes.io/name: batchwright-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "batchwright.labels" -}}
{{ include "batchwright.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Ours win over those of the user, and each key stands there once: (dict "with" .Values.podLabels "root" .) */ -}}
{{- define "batchwright.labelsWith" -}}
{{- $ours := include "batchwright.labels" .root | fromYaml }}
{{- toYaml (merge $ours (merge (deepCopy .with) .root.Values.commonLabels)) }}
{{- end }}

{{- define "batchwright.metadata" -}}
name: {{ default (include "batchwright.name" .root) .name }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "batchwright.labelsWith" (dict "with" (default dict .labels) "root" .root) | nindent 2 }}
{{- end }}

{{- define "batchwright.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "batchwright.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "batchwright.adminSecret" -}}
{{- default (printf "%s-admin" (include "batchwright.name" .)) .Values.adminKey.existingSecret }}
{{- end }}

{{- /* An image by its parts: (dict "image" .Values.image "root" .) */ -}}
{{- define "batchwright.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}{{ else }}{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}{{ end }}
{{- end }}

{{- /* What the restricted Pod Security Standard wants of a pod, and of its containers. */ -}}
{{- define "batchwright.podSecurityContext" -}}
{{- range $key, $value := .Values.podSecurityContext }}
{{- if not (kindIs "invalid" $value) }}
{{- $key }}: {{ toJson $value }}{{ "\n" }}
{{- end }}
{{- end -}}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "batchwright.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* What the operator does with objects of users, in every namespace that it watches. */ -}}
{{- define "batchwright.rules" -}}
- apiGroups: [batchwright.dev]
  resources: [modelservers, pipelines]
  verbs: [get, list, watch]
- apiGroups: [batchwright.dev]
  resources: [modelservers/status, pipelines/status]
  verbs: [patch]
# For clusters that let only those own an object who may hold up its deletion.
- apiGroups: [batchwright.dev]
  resources: [modelservers/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
# What a ModelServer has on request only is deleted when it is no longer asked for.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- /* Annotations of what `helm test` makes, with its weight. */ -}}
{{- define "batchwright.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
