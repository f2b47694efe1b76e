//! Whole runs against an API server that keeps what it is sent, and fails where a test wants it.

use super::store::Store;
use crate::live::server::{Reply, status};
use serde_json::{Value, json};
use std::path::Path;

const ISTIOD: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istiod";
const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.meshes.example";

fn chart(folder: &Path, name: &str, version: &str, files: &[(&str, &str)]) {
    let at = folder.join(name);
    std::fs::create_dir_all(at.join("templates")).expect("a folder");
    let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: {version}\n");
    std::fs::write(at.join("Chart.yaml"), about).expect("written");
    for (path, text) in files {
        std::fs::write(at.join(path), text).expect("written");
    }
}

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.meshes.example}\nspec: {group: meshes.example}\n";
/// Says one thing when it is installed, another when it is upgraded, as Istio's webhooks do.
const CONTROL: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio}
data:
  a: {{ .Values.a | default \"b\" }}
{{- if not .Release.IsUpgrade }}
  first: \"yes\"
{{- end }}
---
apiVersion: v1
kind: Service
metadata: {name: istiod}
spec: {ports: [{port: 15012}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector: {matchLabels: {app: istiod}}
  template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, image: \"pilot:{{ .Chart.Version }}\"}]}}
";

fn istio(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    chart(folder.path(), "base", version, &[("templates/crds.yaml", DEFINITION)]);
    chart(folder.path(), "istiod", version, &[("values.yaml", "a: b\n"), ("templates/all.yaml", CONTROL)]);
    folder
}

/// `words` with the charts and without the checks, which ask other things of the server.
fn with<'a>(words: &[&'a str], charts: &'a str) -> Vec<&'a str> {
    let mut all = words.to_vec();
    all.extend(["--charts", charts, "--profile", "minimal"]);
    if words[0] != "plan" {
        all.extend(["--skip-checks", "-y"]);
    }
    all
}

struct Installing {
    store: Store,
    folder: tempfile::TempDir,
}

impl Installing {
    async fn new() -> Installing {
        Installing { store: Store::start().await, folder: istio("1.30.0") }
    }

    fn run(&self, words: &[&str]) -> (i32, String, String) {
        self.store.run(&with(words, &self.folder.path().display().to_string()))
    }

    fn again(&self, words: &[&str]) -> (i32, String, String) {
        self.store.run(&[words, &["--skip-checks", "-y"]].concat())
    }

    fn statuses(&self, release: &str) -> Vec<String> {
        self.store.releases(release).into_iter().map(|(version, status, _)| format!("{version} {status}")).collect()
    }
}

/// A failure that has broken off a run: what went wrong, what is the next step, and that the release is marked.
fn broken((code, out, err): &(i32, String, String), wanted: &[&str]) {
    assert_eq!((*code, out.as_str()), (2, ""), "{err}");
    for word in wanted.iter().chain(&["--resume goes on from here, --rollback undoes it"]) {
        assert!(err.contains(word), "{word:?} is not in: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_installed_is_nothing_to_do_though_its_chart_says_it_otherwise_now() {
    let it = Installing::new().await;
    let (code, out, err) = it.run(&["install", "istio"]);
    assert!(code == 0 && out.contains("istiod") && out.contains("deployed"), "{out}{err}");
    let (_, _, release) = it.store.releases("istiod").remove(0);
    assert!(release.manifest.contains("first: \"yes\""), "{}", release.manifest);
    let (code, out, err) = it.run(&["plan", "istio"]);
    assert!(code == 0 && !out.contains("written down anew"), "{out}{err}");
    let (code, out, _) = it.run(&["install", "istio"]);
    assert!(code == 0 && out.contains("Nothing to do"), "{out}");
    assert_eq!(it.statuses("istiod"), ["1 deployed"]);
    // Another wish is something to do, and so is a drift.
    let (code, out, _) = it.run(&["plan", "istio", "--set", "istiod:a=c"]);
    assert!(code == 1 && out.contains("data.a: \"b\" → \"c\""), "{out}");
    it.store.change(ISTIOD, |object| object["spec"]["replicas"] = json!(3));
    let (code, out, _) = it.run(&["plan", "istio"]);
    assert!(code == 1 && out.contains("spec.replicas: 3 → 1"), "{out}");
}

/// Helm writes no values down where none were given.
#[tokio::test(flavor = "multi_thread")]
async fn what_helm_installed_without_values_is_nothing_to_do() {
    let it = Installing::new().await;
    assert_eq!(it.run(&["install", "istio"]).0, 0);
    for name in ["istio-base", "istiod"] {
        let (_, _, mut release) = it.store.releases(name).remove(0);
        release.config = Value::Null;
        release.chart.metadata["type"] = "application".into();
        let path = format!("/api/v1/namespaces/istio-system/secrets/{}", release.secret_name());
        it.store.change(&path, |kept| *kept = release.secret(0).expect("a Secret"));
    }
    let (code, out, err) = it.run(&["plan", "istio"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_lost_half_way_end_it_with_what_is_missing() {
    let it = Installing::new().await;
    it.store.hurt(|method, path, dry, _| {
        let taken = method == "PATCH" && path.ends_with("/services/istiod") && !dry;
        taken.then(|| status(403, "services \"istiod\" is forbidden: User \"me\" cannot patch resource \"services\""))
    });
    let failed = it.run(&["install", "istio"]);
    broken(&failed, &["can't apply Service istio-system/istiod", "User \"me\" cannot patch", "kubectl auth can-i patch service"]);
    assert_eq!((it.statuses("istio-base"), it.statuses("istiod")), (vec!["1 deployed".to_owned()], vec!["1 failed".to_owned()]));
    assert!(it.store.get(ISTIOD).is_none(), "what comes after it is not begun");
    it.store.heal();
    let (code, out, err) = it.again(&["install", "istio", "--resume"]);
    assert!(code == 0 && out.contains("unchanged") && out.contains("deployed"), "{out}{err}");
    assert_eq!(
        (it.statuses("istio-base"), it.statuses("istiod").pop()),
        (vec!["1 deployed".to_owned()], Some("2 deployed".to_owned()))
    );
    assert!(it.store.get("/api/v1/namespaces/istio-system/secrets/meshctl.run.istio").is_none());
    assert_eq!(it.run(&["plan", "istio"]).0, 0);
    let (code, _, err) = it.again(&["install", "istio", "--resume"]);
    assert!(code == 2 && err.contains("no run of istio was broken off") && err.contains("meshctl plan istio"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_and_a_webhook_that_refuse_are_told_with_where_to_look() {
    for (code, words, next) in [
        (
            403,
            "configmaps \"istio\" is forbidden: exceeded quota: none, requested: count/configmaps=1",
            "kubectl -n istio-system describe resourcequota",
        ),
        (
            500,
            "Internal error occurred: failed calling webhook \"a.example\": no endpoints available",
            "kubectl get validatingwebhookconfigurations",
        ),
        (400, "admission webhook \"b.example\" denied the request: no", "kubectl get validatingwebhookconfigurations"),
    ] {
        let it = Installing::new().await;
        it.store.hurt(move |method, path, dry, _| {
            (method == "PATCH" && path.ends_with("/configmaps/istio") && !dry).then(|| status(code, words))
        });
        let failed = it.run(&["install", "istio"]);
        broken(&failed, &["can't apply ConfigMap istio-system/istio", words, next]);
        assert!(!failed.2.contains("auth can-i"), "{}", failed.2);
        it.store.heal();
        assert_eq!(it.again(&["install", "istio", "--rollback"]).0, 0);
        let left = it.store.paths();
        assert!(it.store.releases("istiod").is_empty() && left.iter().all(|path| !path.contains("/istio")), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_is_not_established_is_waited_for_and_then_named() {
    let it = Installing::new().await;
    it.store.hurt(|method, path, dry, _| {
        let why = json!([{ "type": "NamesAccepted", "status": "False", "message": "\"Thing\" is already in use" }]);
        let object = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "things.meshes.example" }, "status": { "conditions": why } });
        (matches!(method, "PATCH") && path == CRD && !dry)
            .then(|| Reply::Json(200, object.to_string()))
            .or_else(|| (method == "GET" && path == CRD).then(|| Reply::Json(200, object.to_string())))
    });
    let failed = it.run(&["install", "istio", "--readiness-timeout", "1s", "--take-ownership"]);
    let wanted = ["CustomResourceDefinition things.meshes.example is not ready after 1s", "\"Thing\" is already in use"];
    broken(&failed, &wanted);
    assert!(failed.2.contains("kubectl describe customresourcedefinition things.meshes.example"), "{}", failed.2);
    assert!(!it.store.wrote("istiod"), "nothing that needs it is begun");
    it.store.heal();
    assert_eq!(it.again(&["install", "istio", "--resume"]).0, 0);
    assert!(it.store.get(ISTIOD).is_some() && it.run(&["plan", "istio"]).0 == 0);
}

const WEBHOOK: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: istio-validator-istio-system, labels: {istio.io/rev: default}}
webhooks:
- name: rev.validation.istio.io
  failurePolicy: {{ .Values.policy | default \"Ignore\" }}
  clientConfig: {service: {name: istiod, namespace: istio-system}}
";

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_istiod_closes_are_waited_for_and_named_if_they_stay_open() {
    const PATH: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let looks = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for closes in [true, false] {
        let it = Installing::new().await;
        std::fs::write(it.folder.path().join("istiod/templates/webhook.yaml"), WEBHOOK).expect("written");
        looks.store(0, std::sync::atomic::Ordering::SeqCst);
        let seen = looks.clone();
        it.store.hurt(move |method, path, _, _| {
            let listed = method == "GET" && path == PATH;
            let look = if listed { seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) } else { 0 };
            // What istiod does in the meantime.
            let closed = json!({ "metadata": {}, "items": [{ "metadata": { "name": "a" }, "webhooks": [{ "failurePolicy": "Fail",
                "clientConfig": { "service": { "namespace": "istio-system" } } }] }] });
            (closes && look == 2).then(|| Reply::Json(200, closed.to_string()))
        });
        let timeout = if closes { "30s" } else { "1s" };
        let (code, out, err) = it.run(&["install", "istio", "--readiness-timeout", timeout]);
        assert!(code == 0 && out.contains("deployed"), "{out}{err}");
        assert_eq!(it.statuses("istiod"), ["1 deployed"], "an open webhook is no failure");
        let said = "webhook istio-validator-istio-system is still open (failurePolicy Ignore)";
        assert_eq!(err.contains(said) && err.contains("port 15017") && err.contains("-n istio-system logs"), !closes, "{err}");
        let seen = looks.load(std::sync::atomic::Ordering::SeqCst);
        assert!(if closes { seen == 3 } else { seen > 1 }, "{seen} looks");
    }
    // One that is closed from the start, as with a CA of one's own, is looked at once.
    let it = Installing::new().await;
    std::fs::write(it.folder.path().join("istiod/templates/webhook.yaml"), WEBHOOK).expect("written");
    let (code, _, err) = it.run(&["install", "istio", "--set", "istiod:policy=Fail"]);
    let looked = it.store.server.seen().iter().filter(|request| request.path == PATH).count();
    assert!(code == 0 && looked == 1, "{looked} looks: {err}");
}

/// Every answer breaks off from a certain change on, as when the API server is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_in_the_middle_ends_it_and_the_next_run_goes_on() {
    for back in [false, true] {
        let it = Installing::new().await;
        let gone = std::sync::atomic::AtomicBool::new(false);
        it.store.hurt(move |method, path, dry, _| {
            if method == "PATCH" && path == ISTIOD && !dry {
                gone.store(true, std::sync::atomic::Ordering::SeqCst);
            }
            gone.load(std::sync::atomic::Ordering::SeqCst).then(|| Reply::Cut("{".to_owned()))
        });
        let failed = it.run(&["install", "istio"]);
        broken(&failed, &["can't apply Deployment istio-system/istiod"]);
        // Nobody could write down that it failed.
        assert_eq!(it.statuses("istiod"), ["1 pending-install"]);
        it.store.heal();
        if back {
            let (code, _, err) = it.again(&["install", "istio", "--rollback"]);
            assert!(code == 0 && it.store.releases("istiod").is_empty() && it.store.releases("istio-base").is_empty(), "{err}");
            assert!(it.store.get(ISTIOD).is_none() && it.store.get(CRD).is_none());
            continue;
        }
        let (code, out, err) = it.again(&["install", "istio", "--resume"]);
        assert!(code == 0, "{out}{err}");
        assert_eq!((it.statuses("istiod").pop(), it.run(&["plan", "istio"]).0), (Some("2 deployed".to_owned()), 0));
    }
}

const AGENT: &str = "\
{{- if .Values.agent }}
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, annotations: {since: {{ .Values.upgradeCompatibility | default \"new\" | quote }}, host: {{ .Values.k8sServiceHost | default \"\" | quote }}}}
spec: {selector: {matchLabels: {app: cilium}}, template: {spec: {containers: [{name: agent, image: \"cilium:{{ .Chart.Version }}\"}]}}}
{{- end }}
{{- if .Values.preflight.enabled }}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium-pre-flight-check, annotations: {host: {{ .Values.k8sServiceHost | default \"\" | quote }}}}
spec: {selector: {matchLabels: {app: check}}, template: {spec: {containers: [{name: check, image: \"cilium:{{ .Chart.Version }}\"}]}}}
{{- end }}
";

fn cilium(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let values = "agent: true\npreflight: {enabled: false}\n";
    chart(folder.path(), "cilium", version, &[("values.yaml", values), ("templates/all.yaml", AGENT)]);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn cilium_is_upgraded_after_a_preflight_that_is_gone_again() {
    const AGENTS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium";
    const CHECK: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium-pre-flight-check";
    let store = Store::start().await;
    let (old, next, far) = (cilium("1.19.3"), cilium("1.20.2"), cilium("1.21.0"));
    let run = |words: &[&str], charts: &tempfile::TempDir| {
        store.run(&[words, &["--charts", &charts.path().display().to_string()]].concat())
    };
    let (code, _, err) = run(&["install", "cilium", "--set", "k8sServiceHost=10.0.0.1", "--skip-checks", "-y"], &old);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = run(&["upgrade", "cilium", "--dry-run"], &next);
    assert!(code == 1 || code == 0, "{err}");
    let first = out.find("Release cilium-preflight in kube-system (tried before the upgrade, and gone again once it is ready)");
    let then = out.find("Release cilium in kube-system (revision 2)");
    assert!(first.is_some() && first < then, "{out}");
    let (code, _, err) = run(&["upgrade", "cilium", "--skip-checks", "-y"], &far);
    assert!(code == 2 && err.contains("can't go from 1.19.3 to 1.21.0 at once") && err.contains("go to 1.20 first"), "{err}");
    // It does not come up: nothing of the network is touched.
    store.hurt(|method, path, _, _| {
        let object = json!({ "kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": { "name": "cilium-pre-flight-check" },
            "status": { "desiredNumberScheduled": 2, "numberReady": 1, "updatedNumberScheduled": 2 } });
        (method == "GET" && path == CHECK).then(|| Reply::Json(200, object.to_string()))
    });
    let go = &["upgrade", "cilium", "--skip-checks", "-y", "--readiness-timeout", "1s", "--take-ownership"];
    let failed = run(go, &next);
    broken(&failed, &["DaemonSet kube-system/cilium-pre-flight-check is not ready after 1s", "1 of 2 pods are ready"]);
    assert_eq!(store.releases("cilium").len(), 1);
    store.heal();
    let (code, out, err) = run(go, &next);
    assert!(code == 0 && out.contains("passed"), "{out}{err}");
    assert!(store.releases("cilium-preflight").is_empty() && store.get(CHECK).is_none());
    let agents = store.get(AGENTS).expect("the agents");
    assert_eq!(agents["metadata"]["annotations"]["since"], "1.19");
    assert_eq!(agents["metadata"]["annotations"]["host"], "10.0.0.1", "values of the release stay");
    // Once more is nothing to do, and needs no preflight.
    let (code, out, err) = run(go, &next);
    assert!(code == 0 && out.contains("Nothing to do"), "{out}{err}");
    let (code, _, err) = run(&["upgrade", "cilium", "--skip-checks", "-y"], &far);
    assert_eq!(code, 0, "{err}");
    assert_eq!(store.get(AGENTS).expect("the agents")["metadata"]["annotations"]["since"], "1.19", "the first version stays");
}
