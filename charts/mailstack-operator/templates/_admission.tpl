{{/*
The name of an admission policy, from (list . SUFFIX). Policies belong to no namespace, so that of the release is part of it.
*/}}
{{- define "mailstack-operator.policyName" -}}
{{- printf "%s-%s.%s" (include "mailstack-operator.fullname" (first .)) (last .) (first .).Release.Namespace -}}
{{- end -}}

{{/*
What every admission policy begins with, from (list . SUFFIX): it concerns the operator's account and nobody else.
*/}}
{{- define "mailstack-operator.policyHead" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ include "mailstack-operator.policyName" . }}
  labels:
    {{- include "mailstack-operator.labels" (first .) | nindent 4 }}
  {{- with include "mailstack-operator.annotations" (list (first .) dict) }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  failurePolicy: Fail
  matchConditions:
    - name: by-the-operator
      expression: >-
        request.userInfo.username ==
        'system:serviceaccount:{{ (first .).Release.Namespace }}:{{ include "mailstack-operator.serviceAccountName" (first .) }}'
{{- end -}}

{{/*
The binding of an admission policy, from (list . SUFFIX).
*/}}
{{- define "mailstack-operator.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "mailstack-operator.policyName" . }}
  labels:
    {{- include "mailstack-operator.labels" (first .) | nindent 4 }}
  {{- with include "mailstack-operator.annotations" (list (first .) dict) }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  policyName: {{ include "mailstack-operator.policyName" . }}
  validationActions: {{ (first .).Values.admissionPolicy.validationActions | toJson }}
{{- end -}}

{{/*
CEL: whether the owner reference `o` is of a MailStack that manages the object.
*/}}
{{- define "mailstack-operator.isStack" -}}
o.kind == 'MailStack' && o.apiVersion.startsWith('mailstack.dev/') && o.?controller.orValue(false)
{{- end -}}

{{/*
CEL variable `stack`: the name of the MailStack that owns the object; empty if none does.
*/}}
{{- define "mailstack-operator.stackVariable" -}}
- name: stack
  expression: >-
    object == null ? [] : object.metadata.?ownerReferences.orValue([])
    .filter(o, {{ include "mailstack-operator.isStack" . }}).map(o, o.name)
{{- end -}}

{{/*
CEL: whether the key `k` of labels or annotations is one that the operator writes, or that this cluster adds.
*/}}
{{- define "mailstack-operator.isOwnKey" -}}
{{ .Values.admissionPolicy.allowedMetadata | toJson }}.exists(prefix, k.startsWith(prefix))
{{- range list "app.kubernetes.io/managed-by" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "kubernetes.io/limit-ranger" }}
|| k == '{{ . }}'
{{- end }}
|| ['mailstack.dev/', 'openshift.io/'].exists(prefix, k.startsWith(prefix))
{{- end -}}

{{/*
The variables and rules of a pod's spec, from its path in the object: of pods and of StatefulSets. What a request leaves as
it was is not judged: other managers may have added it, and the operator keeps it.
*/}}
{{- define "mailstack-operator.podVariables" -}}
- name: containers
  expression: object.{{ . }}.containers + object.{{ . }}.?initContainers.orValue([])
- name: oldContainers
  expression: >-
    oldObject == null ? [] : oldObject.{{ . }}.containers + oldObject.{{ . }}.?initContainers.orValue([])
- name: newContainers
  expression: variables.containers.filter(c, !(c in variables.oldContainers))
- name: oldVolumes
  expression: "oldObject == null ? [] : oldObject.{{ . }}.?volumes.orValue([])"
- name: newVolumes
  expression: object.{{ . }}.?volumes.orValue([]).filter(v, !(v in variables.oldVolumes))
- name: probeAccount
  expression: "size(variables.stack) == 1 ? variables.stack[0] + '-probe' : ''"
{{- end -}}

{{- define "mailstack-operator.podRules" -}}
# Host namespaces: only where somebody else set them before.
{{- range $field := list "hostNetwork" "hostPID" "hostIPC" }}
- expression: >-
    !object.{{ $ }}.?{{ $field }}.orValue(false)
    || (oldObject != null && oldObject.{{ $ }}.?{{ $field }}.orValue(false))
  message: the operator makes no pod with {{ $field }}
{{- end }}
- expression: >-
    !has(object.{{ . }}.nodeName) || object.{{ . }}.nodeName == ''
  message: the operator leaves the node to the scheduler
- expression: >-
    !object.{{ . }}.?priorityClassName.orValue('').startsWith('system-')
  message: the operator makes no pod of a system priority class
- expression: >-
    object.{{ . }}.?resourceClaims.orValue([]).size() == 0
  message: the operator's pods claim no devices
- expression: >-
    object.{{ . }}.?securityContext.?seccompProfile.?type.orValue('') == 'RuntimeDefault'
    && object.{{ . }}.?securityContext.?sysctls.orValue([]).all(s,
      s.name in ['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'])
    && object.{{ . }}.?securityContext.?appArmorProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'
    && !object.{{ . }}.?securityContext.?windowsOptions.hasValue()
    && [object.{{ . }}.?securityContext.?seLinuxOptions].all(s,
      s.?user.orValue('') == '' && s.?role.orValue('') == '' && s.?type.orValue('') == '')
  message: >-
    the operator's pods have the seccomp profile RuntimeDefault, no sysctls but those of TCP's keepalive, and no AppArmor,
    SELinux or Windows options of their own
- expression: >-
    object.{{ . }}.?automountServiceAccountToken.orValue(true) == false
  message: the operator's pods do not mount the token of their service account
# Tokens: of the probe's own account, and for the API server alone.
- expression: >-
    variables.newVolumes.all(v, v.?projected.?sources.orValue([]).all(s, has(s.serviceAccountToken)
    ? !has(s.serviceAccountToken.audience) && object.{{ . }}.?serviceAccountName.orValue('') == variables.probeAccount
    : has(s.configMap) || has(s.secret)))
  message: the operator's pods project only ConfigMaps, Secrets and the token of the probe's own account
- expression: >-
    variables.newVolumes.all(v, has(v.emptyDir) || has(v.configMap) || has(v.secret) || has(v.projected)
    || has(v.persistentVolumeClaim))
  message: >-
    the operator's pods have only volumes of the types emptyDir, configMap, secret, projected and persistentVolumeClaim
- expression: >-
    variables.newVolumes.all(v, !has(v.persistentVolumeClaim) || (size(variables.stack) == 1
    && ['mail-', 'queue-', 'data-'].exists(what,
      v.persistentVolumeClaim.claimName.startsWith(what + variables.stack[0] + '-'))))
  message: the operator's pods mount only the claims of their own MailStack
- expression: >-
    variables.newContainers.all(c, !c.?securityContext.?privileged.orValue(false)
    && c.?securityContext.?allowPrivilegeEscalation.orValue(true) == false)
  message: the operator's containers are not privileged, and set allowPrivilegeEscalation to false
- expression: >-
    variables.newContainers.all(c, 'ALL' in c.?securityContext.?capabilities.?drop.orValue([])
    && c.?securityContext.?capabilities.?add.orValue([]).all(a, a in ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL',
    'NET_BIND_SERVICE', 'SETGID', 'SETUID', 'SYS_CHROOT']))
  message: >-
    the operator's containers drop all capabilities, and add none but CHOWN, DAC_OVERRIDE, FOWNER, KILL, NET_BIND_SERVICE,
    SETGID, SETUID and SYS_CHROOT
- expression: >-
    variables.newContainers.all(c, c.?securityContext.?procMount.orValue('Default') == 'Default'
    && c.?securityContext.?seccompProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'
    && c.?securityContext.?appArmorProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'
    && !c.?securityContext.?windowsOptions.hasValue()
    && [c.?securityContext.?seLinuxOptions].all(s,
      s.?user.orValue('') == '' && s.?role.orValue('') == '' && s.?type.orValue('') == ''))
  message: the operator's containers keep the runtime's defaults of seccomp, AppArmor, SELinux and /proc
- expression: >-
    variables.newContainers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0)
    && c.?volumeDevices.orValue([]).size() == 0)
  message: the operator's containers use no ports and no devices of the node
# The kubelet would ask the host that these name, from the node.
- expression: >-
    variables.newContainers.all(c, [c.?livenessProbe, c.?readinessProbe, c.?startupProbe, c.?lifecycle.?preStop,
    c.?lifecycle.?postStart].all(p, p.?httpGet.?host.orValue('') == '' && p.?tcpSocket.?host.orValue('') == ''))
  message: the operator's containers are probed at their own address
{{- end -}}
