"""Charts that are written for the comparison: parts and hooks, values, expressions."""
import os, subprocess, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def put(root, files):
    for path, text in files.items():
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    return root


def meta(name, more="", version="1.2.3"):
    return f"apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '4.5'\n{more}"


def object_(kind, name, more="", api="v1"):
    return f"apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"


def hook(events, weight=None, policy=None):
    text = f"  annotations:\n    helm.sh/hook: {events}\n"
    text += f'    helm.sh/hook-weight: "{weight}"\n' if weight is not None else ""
    return text + (f"    helm.sh/hook-delete-policy: {policy}\n" if policy else "")


SAY = "  values: {{ omit .Values \"global\" | toJson | quote }}\n  global: {{ toJson .Values.global | quote }}\n  chart: {{ .Chart.Name }} {{ .Chart.IsRoot }} {{ .Template.Name }}\n"
DEPENDENCIES = """dependencies:
- {name: one, version: ~1.2, condition: one.enabled, tags: [front], import-values: [data]}
- {name: two, version: '>=1.0.0-0', alias: second, condition: 'second.on,global.two', tags: [back, front]}
- {name: two, version: ^1, alias: third, condition: third.on}
- {name: lib, version: 1.x}
- {name: two, version: ^2, alias: fourth}
"""


def umbrella(folder):
    files = {
        "Chart.yaml": meta("umbrella", "kubeVersion: '>=1.30.0-0'\n" + DEPENDENCIES),
        "values.yaml": "one: {enabled: true, port: 8080}\nsecond: {on: false, x: {y: 1}}\nthird: {on: true}\nglobal: {region: eu, two: false}\ntags: {front: true}\nname: up\nlist: [1, 2]\nnull_me: {a: 1, b: 2}\n",
        ".helmignore": "# notes\nskipped/\n*.bak\n/templates/ignored.yaml\n",
        "templates/ignored.yaml": object_("ConfigMap", "never"),
        "templates/x.yaml.bak": "{{ fail \"never\" }}",
        "skipped/a.txt": "no",
        "conf/a.txt": "hello\nworld\n",
        "crds/things.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.x.example\n",
        "templates/NOTES.txt": "Thanks for {{ .Chart.Name }}\n",
        "templates/_helpers.tpl": '{{ define "named" }}{{ .Release.Name }}-{{ .Values.name | default "none" }}{{ end }}{{ define "shared" }}parent{{ end }}',
        "templates/all.yaml": object_("ConfigMap", '{{ include "named" . }}', "data:\n" + SAY + '  lib: {{ include "lib.say" . }}\n  shared: {{ include "shared" . }}\n  sub: {{ keys .Subcharts | sortAlpha | join "," }}\n'
                              '  files: {{ printf "%s|%s" (.Files.Get "conf/a.txt") (.Files.Get "skipped/a.txt") | quote }}\n  from: {{ .Values.fromone | quote }}\n  caps: {{ .Capabilities.KubeVersion }} {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }} {{ .Capabilities.APIVersions.Has "x.example/v1" }}\n'
                              "  release: {{ .Release.IsInstall }} {{ .Release.IsUpgrade }} {{ .Release.Revision }} {{ .Release.Service }}\n"),
        "templates/kinds.yaml": "---\n".join(object_(kind, kind.lower(), api=api) for kind, api in [
            ("Deployment", "apps/v1"), ("Service", "v1"), ("Zebra", "x.example/v1"), ("Namespace", "v1"), ("Ant", "x.example/v1"), ("ClusterRole", "rbac.authorization.k8s.io/v1"), ("Secret", "v1"),
            ("APIService", "apiregistration.k8s.io/v1"), ("CustomResourceDefinition", "apiextensions.k8s.io/v1"), ("Job", "batch/v1"), ("PriorityClass", "scheduling.k8s.io/v1"), ("ServiceAccount", "v1"), ("List", "v1")]),
        "templates/hooks.yaml": "---\n".join([
            object_("Job", "late", hook("post-install,post-upgrade", 5), "batch/v1"), object_("Job", "early", hook("pre-install", -5, "before-hook-creation"), "batch/v1"),
            object_("ConfigMap", "between", hook("pre-install", 0)), object_("Pod", "tested", hook("test")), object_("Pod", "unknown", hook("pre-nothing")), object_("Secret", "spaced", hook('" pre-install , post-delete "'))]),
        "templates/odd.yaml": "---\n---\n# only a comment\n---\n\n" + object_("ConfigMap", "after-empty") + "---   \n" + object_("ConfigMap", "trailing-blank   ") + "\n\n",
        "templates/sub/deep.yaml": '{{- if .Values.deep }}\n' + object_("ConfigMap", "deep") + "{{- end }}\n",
        "charts/one/Chart.yaml": meta("one"), "charts/one/values.yaml": "port: 1\nname: one\nexports:\n  data: {fromone: imported, list: [9]}\n",
        "charts/one/templates/a.yaml": object_("ConfigMap", "one-{{ .Values.port }}", "data:\n" + SAY), "charts/one/templates/_t.tpl": '{{ define "shared" }}child{{ end }}',
        "charts/one/charts/inner/Chart.yaml": meta("inner"), "charts/one/charts/inner/values.yaml": "z: 1\n", "charts/one/charts/inner/templates/a.yaml": object_("ConfigMap", "inner", "data:\n" + SAY),
        "charts/two/Chart.yaml": meta("two"), "charts/two/values.yaml": "x: {y: 0, z: 0}\n", "charts/two/templates/a.yaml": object_("ConfigMap", "{{ .Chart.Name }}", "data:\n" + SAY),
        "charts/lib/Chart.yaml": meta("lib", "type: library\n"), "charts/lib/templates/_l.tpl": '{{ define "lib.say" }}lib of {{ .Chart.Name }}{{ end }}', "charts/lib/templates/never.yaml": object_("ConfigMap", "never"),
    }
    return put(os.path.join(folder, "umbrella"), files)


UMBRELLA = [[]] + [["--set", text] for text in (
    "one.enabled=false", "second.on=true", "third.on=false", "tags.front=false", "tags.front=false,tags.back=true", "global.two=true", "global.region=us,one.global.region=here", "one.port=null", "null_me.a=null",
    "null_me=null", "one.inner.z=2", "second.on=true,second.x.z=5", "deep=true", "name=", "list=null", "fromone=mine", "fourth.x=1", "one=null", "one.enabled=1", "global=null", "one=5")] + [
    ["--include-crds"], ["--no-hooks"], ["--is-upgrade"], ["--api-versions", "x.example/v1"], ["--set-string", "one.enabled=false"], ["--kube-version", "v1.29.0"], ["--kube-version", "v1.31.2"], ["--show-only", "templates/all.yaml"],
    ["--show-only", "templates/nothing.yaml"]]


def echo(folder):
    text = "v: {{ toJson .Values | quote }}\nt: {{ range $k, $v := .Values }}{{ $k }}={{ typeOf $v }} {{ end }}\n"
    return put(os.path.join(folder, "echo"), {"Chart.yaml": meta("echo"), "values.yaml": "a: {b: 1, c: [x, y]}\nd: text\nm: {n: {o: p}}\n", "templates/v.yaml": text})


def flags(folder):
    put(folder, {"one.yaml": "a: {b: 2, e: null}\nd: null\n", "two.yaml": "a: {c: [z]}\nm: 5\non: yes\nn: 0644\n", "text.txt": "x: 1\ny, {z}\n", "empty.yaml": "", "list.yaml": "- 1\n", "bad.yaml": "a: [\n"})
    one, two, text = (os.path.join(folder, name) for name in ("one.yaml", "two.yaml", "text.txt"))
    words = ["k=v", "k=1", "k=-1", "k=01", "k=1.5", "k=true", "k=True", "k=null", "k=", "k", "k=a=b", "k=a\\,b", "a.b=5,a.c[1]=q", "a.c[3]=q", "a.c[0].x=1", "k[0][1]=2", "k={a,b,1}", "k={}", "k={a", "a.c={}", "k.x.y=1,k.x.z=2",
             "k\\.x=1", "k=\"q\"", "=v", "a=", "d.x=1", "m.n=null", "m=null", "k=a b", "k={a b,c\\,d}", "k[0]={x}", "k[-1]=1", "k[x]=1", "k[70000]=1", "a..b=1", ".x=1", "k=1e3", "k=0x10", "k=+1", "k=99999999999999999999", "k=1,", ",k=1", "k=v,l", "a.c[0]=null",
             "k=~", "k=yes", "k= 1", " k=1", "k=0", "k=-0", "k=1_000", "a.b.c=1", "k={1,true,null}", "a.c=x,a.c[0]=y"]
    for word in words:
        yield ["--set", word]
        yield ["--set-string", word]
        yield ["--set-literal", word]
    for word in ["k={\"a\":[1,2.5,null]}", "k=1,l=\"x\"", "k=", "k=,l=1", "k={bad}", "a={\"b\":{}}", "a.c[0]={\"x\":1} , k=true", "k=[1,2]", "k=\"a,b\"", "k=1e400", "k", "k={\"a\":1}{", "k= null", "k=12345678901234567890", "k=1 2"]:
        yield ["--set-json", word]
    yield from (["-f", one], ["-f", two], ["-f", one, "-f", two], ["-f", two, "-f", one], ["-f", one, "--set", "a.b=9"], ["-f", os.path.join(folder, "empty.yaml")], ["-f", os.path.join(folder, "list.yaml")],
                ["-f", os.path.join(folder, "bad.yaml")], ["-f", os.path.join(folder, "absent.yaml")], ["--set-file", f"k={text}"], ["--set-file", f"a.b={text},k={text}"], ["--set-file", "k=/absent"],
                ["--set", "k=1", "--set-string", "k=2", "--set-json", "k=3", "--set-literal", "k=4", "--set-file", f"k={text}"], ["--set-json", "k=3", "--set", "k=1"])


def asking(folder, number, lines):
    root = os.path.join(folder, f"asking{number}")
    text = "".join("v%d: |\n  " % i + line.replace("\\N", "\n  ") + "\n  end\n" for i, line in enumerate(lines))
    values = open(os.path.join(HERE, "charts-expressions.yaml")).read()
    return put(root, {
        "Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.2.3\nappVersion: 4.5\n", "files/a.txt": "one\ntwo\n", "files/b.txt": "three", "values.yaml": values, "templates/t.yaml": text,
        "templates/_x.tpl": '{{ define "x" }}<{{ . }}>{{ end }}{{ define "twice" }}{{ include "x" . }}{{ include "x" . }}{{ end }}'})


def anchors(root, made):
    """Trust anchor and issuer, as Linkerd's chart wants them."""
    if not made:
        pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        path = os.path.join(tempfile.gettempdir(), f"meshctl-oracle-{os.getpid()}.pem")
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key", "-out", path, "-days", "3650", "-subj", "/CN=root"], capture_output=True)
        if done.returncode != 0:
            open(path, "w").write(pem), open(path + ".key", "w").write(pem.replace("CERTIFICATE", "PRIVATE KEY"))
        made["flags"] = ["--set-file", f"identityTrustAnchorsPEM={path},identity.issuer.tls.crtPEM={path},identity.issuer.tls.keyPEM={path}.key"]
    return made["flags"]
