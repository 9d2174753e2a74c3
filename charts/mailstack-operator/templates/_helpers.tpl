{{/*
The chart's name, at most 63 characters as in every label.
*/}}
{{- define "mailstack-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
The name of the objects. A release that already carries the chart's name is not given it twice.
At most 47 characters, so that "-leader-election" still fits behind it.
*/}}
{{- define "mailstack-operator.fullname" -}}
{{- $name := include "mailstack-operator.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 47 | trimSuffix "-" -}}
{{- end -}}

{{- define "mailstack-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mailstack-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is empty: write the name of the ServiceAccount to use, or set serviceAccount.create=true" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mailstack-operator.image" -}}
{{- include "mailstack-operator.reference" (list . .Values.image .Chart.AppVersion) -}}
{{- end -}}

{{/*
An image of the values, from (list . IMAGE TAG), where TAG is for one without a tag and a digest: with a digest, the tag is
written only if it was set, because it then says nothing about what runs. A repository's own registry, which has a dot or a
port in its name, is kept.
*/}}
{{- define "mailstack-operator.reference" -}}
{{- $image := index . 1 -}}
{{- $registry := ternary "" (first .).Values.image.registry (regexMatch "^([^/]*[.:][^/]*|localhost)/" $image.repository) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- with $image.tag | default (ternary "" (last .) (not (empty $image.digest))) }}:{{ . }}{{ end -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/*
The servers' images, as the operator's arguments name them.
*/}}
{{- define "mailstack-operator.serverImages" -}}
{{- $images := dict "postfix" .Values.images.postfix "filter" .Values.images.filter -}}
{{- range $version, $image := .Values.images.dovecot }}
{{- $_ := set $images (printf "dovecot-%s" $version) $image -}}
{{- end -}}
{{- range $name, $image := $images }}
- --server-image={{ $name }}={{ include "mailstack-operator.reference" (list $ $image "") }}
{{- end -}}
{{- end -}}

{{/*
What a Deployment and a Service select by: never changes between versions.
*/}}
{{- define "mailstack-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mailstack-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/*
The labels of every object of the chart. The operator finds the objects of its MailStacks by
managed-by=mailstack-operator and name=mailstack: managed-by is Helm here, so that it never takes these for its own.
commonLabels cannot replace any of these.
*/}}
{{- define "mailstack-operator.labels" -}}
{{- $own := include "mailstack-operator.ownLabels" . -}}
{{ $own }}
{{- with include "mailstack-operator.addedLabels" (list $own .Values.commonLabels) }}
{{ . }}
{{- end }}
{{- end -}}

{{/*
Further labels of an object, from (list OWN-AS-YAML FURTHER), without those that it has already.
*/}}
{{- define "mailstack-operator.addedLabels" -}}
{{- $own := first . | fromYaml -}}
{{- $added := dict -}}
{{- range $name, $value := last . -}}
{{- if not (hasKey $own $name) -}}
{{- $_ := set $added $name $value -}}
{{- end -}}
{{- end -}}
{{- with $added }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- define "mailstack-operator.ownLabels" -}}
{{ include "mailstack-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: mailstack-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/*
The annotations of an object, from (list . ITS-OWN), which win over commonAnnotations; nothing if there are none.
*/}}
{{- define "mailstack-operator.annotations" -}}
{{- with merge dict (last .) (first .).Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/*
Labels and annotations of an object for monitoring, from (list . VALUES). Prometheus and Grafana often take only objects
with a label of their own; those of the values win.
*/}}
{{- define "mailstack-operator.monitoringMetadata" -}}
{{- $root := first . -}}
{{- $values := last . -}}
labels:
  {{- mergeOverwrite (include "mailstack-operator.labels" $root | fromYaml) $values.labels | toYaml | nindent 2 }}
{{- with include "mailstack-operator.annotations" (list $root $values.annotations) }}
{{ . }}
{{- end }}
{{- end -}}

{{/*
How often Prometheus asks, and what becomes of the samples.
*/}}
{{- define "mailstack-operator.scraping" -}}
{{- $scraping := dict -}}
{{- range $name := list "interval" "scrapeTimeout" "metricRelabelings" -}}
{{- with index $ $name -}}
{{- $_ := set $scraping $name . -}}
{{- end -}}
{{- end -}}
{{- with $scraping }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/*
Who the roles are bound to.
*/}}
{{- define "mailstack-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mailstack-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/*
What the operator does in a namespace with MailStacks, and nothing more.
*/}}
{{- define "mailstack-operator.rules" -}}
- apiGroups: [mailstack.dev]
  resources: [mailstacks]
  verbs: [list, watch]
- apiGroups: [mailstack.dev]
  resources: [mailstacks/status]
  verbs: [patch]
# The operator sets no finalizers. With OwnerReferencesPermissionEnforcement the API server requires this permission before an
# object may name a MailStack as its owner with blockOwnerDeletion.
- apiGroups: [mailstack.dev]
  resources: [mailstacks/finalizers]
  verbs: [update]
# The objects of a MailStack. Server-side apply needs create and patch; get finds a foreign object of the same name, which no
# watch reports. For ConfigMaps, get also reads those that a MailStack refers to by name.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
# The identity of the probes in the mail pods, and their permission to patch the status of their own MailStack. The API server
# lets nobody grant permissions that they do not hold, so it cannot exceed the operator's own.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# Of Postfix, if it has several pods: a drain of nodes leaves one.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Who may connect to the mail pods (spec.networkPolicy).
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# The claim of the mail. No delete: the mail outlives its MailStack, and no mistake of the operator can delete it.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
# List and watch: why a pod is not ready; its status contains the last output of a crashed container.
# Create and delete: the pod NAME-rehearsal, which tries a changed configuration before the running pods get it. Delete
# also: a pod that fails at its start, when its configuration changes and its template does not.
# Patch: to apply that pod, and to annotate pods with the version of changed Secrets and files, so that the kubelet updates them
# at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, create, patch, delete]
# An Event for each change of a condition. List: why a pod of a MailStack is not created or gets no volume; only Events about its
# StatefulSet and claims are asked for, and only meanwhile.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create]
# Those that MailStacks name: get, to report what is missing or wrong; list and watch, to notice a change at once.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get{{ if .Values.watch.secrets }}, list, watch{{ end }}]
{{- end -}}

{{/*
Tolerations of a lost node: Kubernetes would add its own, of 300 s. Those of the values come before.
*/}}
{{- define "mailstack-operator.lostNode" -}}
{{- if kindIs "invalid" .Values.unreachableSeconds }}
[]
{{- else }}
{{- range $key := list "not-ready" "unreachable" }}
- key: node.kubernetes.io/{{ $key }}
  operator: Exists
  effect: NoExecute
  tolerationSeconds: {{ int $.Values.unreachableSeconds }}
{{- end }}
{{- end }}
{{- end }}
