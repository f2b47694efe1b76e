//! Languages, by who says so: the SDK, an annotation, the runtime's metrics, the environment, the image's name.
//!
//! The first sighting of a workload is the most trustworthy. `APP_ENV` says nothing: every framework has one.

use super::observed;
use super::queries::{self, find};
use super::world::World;
use super::{config, roles, view};
use crate::model::{Evidence, Language, Party, Sighting, WorkloadId};

/// Variables that only one runtime reads.
const VARIABLES: [(&str, Language); 27] = [
    ("JAVA_OPTS", Language::Java),
    ("JAVA_TOOL_OPTIONS", Language::Java),
    ("_JAVA_OPTIONS", Language::Java),
    ("JDK_JAVA_OPTIONS", Language::Java),
    ("JAVA_HOME", Language::Java),
    ("JAVA_VERSION", Language::Java),
    ("SPRING_PROFILES_ACTIVE", Language::Java),
    ("SPRING_APPLICATION_JSON", Language::Java),
    ("NODE_ENV", Language::Node),
    ("NODE_OPTIONS", Language::Node),
    ("NODE_VERSION", Language::Node),
    ("PYTHONUNBUFFERED", Language::Python),
    ("PYTHONPATH", Language::Python),
    ("PYTHON_VERSION", Language::Python),
    ("DJANGO_SETTINGS_MODULE", Language::Python),
    ("FLASK_APP", Language::Python),
    ("GOMAXPROCS", Language::Go),
    ("GOMEMLIMIT", Language::Go),
    ("GOGC", Language::Go),
    ("GODEBUG", Language::Go),
    ("GOLANG_VERSION", Language::Go),
    ("DOTNET_RUNNING_IN_CONTAINER", Language::Dotnet),
    ("RUST_LOG", Language::Rust),
    ("RUST_BACKTRACE", Language::Rust),
    ("RAILS_ENV", Language::Ruby),
    ("RACK_ENV", Language::Ruby),
    ("PHP_VERSION", Language::Php),
];

/// The language of an official base image: `node`, `mcr.microsoft.com/dotnet/aspnet`.
pub fn base_image(repository: &str) -> Option<Language> {
    if repository.contains("mcr.microsoft.com/dotnet/") {
        return Some(Language::Dotnet);
    }
    let parts: Vec<&str> = repository.split('/').collect();
    let base = *parts.last()?;
    // `acme/node` is somebody's own; official ones stand alone or under `library`.
    let official = match parts.as_slice() {
        [_] => true,
        [.., "library", _] => true,
        [registry, _] => registry.contains(['.', ':']),
        _ => false,
    };
    let java = ["openjdk", "eclipse-temurin", "amazoncorretto", "tomcat"];
    match base {
        _ if !official => None,
        "node" => Some(Language::Node),
        "python" | "pypy" => Some(Language::Python),
        _ if java.contains(&base) => Some(Language::Java),
        "golang" => Some(Language::Go),
        "ruby" => Some(Language::Ruby),
        "php" => Some(Language::Php),
        "rust" => Some(Language::Rust),
        "erlang" | "elixir" => Some(Language::Erlang),
        _ => None,
    }
}

fn sdk(language: &str) -> Option<Language> {
    Some(match language {
        "java" => Language::Java,
        "go" => Language::Go,
        "python" => Language::Python,
        "nodejs" => Language::Node,
        "dotnet" => Language::Dotnet,
        "ruby" => Language::Ruby,
        "php" => Language::Php,
        "rust" => Language::Rust,
        "cpp" => Language::Cpp,
        "erlang" => Language::Erlang,
        _ => return None,
    })
}

/// Adds the sightings of every workload, most trustworthy first.
pub fn collect(world: &mut World) {
    let mut found: Vec<Vec<Sighting<Language>>> = vec![Vec::new(); world.model.workloads.len()];
    let mut saw = |id: WorkloadId, what: Language, evidence: Evidence| {
        if !found[id].iter().any(|s| s.what == what) {
            found[id].push(Sighting { what, evidence });
        }
    };
    if let Some(answer) = find(world.facts, queries::SDK_LANGUAGE) {
        for series in &answer.series {
            let Some(language) = sdk(series.label("telemetry_sdk_language")) else { continue };
            if let Some(Party::Workload(id)) = observed::resource_party(&world.model, series) {
                saw(
                    id,
                    language,
                    Evidence::new(&answer.promql, "telemetry_sdk_language", series.label("telemetry_sdk_language")),
                );
            }
        }
    }
    for (id, workload) in world.model.workloads.iter().enumerate() {
        let at = format!("{}.metadata.annotations", config::pod_spec_path(workload.kind).trim_end_matches(".spec"));
        for (key, language) in injected(&workload.annotations) {
            saw(id, language, placed(Evidence::new(workload.title(), &at, key), workload));
        }
        let namespace = world.model.namespaces.binary_search_by(|n| n.name.as_str().cmp(&workload.namespace)).ok();
        let Some(namespace) = namespace.map(|at| &world.model.namespaces[at]) else { continue };
        // A namespace that injects two languages says of no pod which one it has.
        if let [(key, language)] = injected(&namespace.annotations).as_slice() {
            saw(id, *language, Evidence::new(format!("Namespace {}", namespace.name), "metadata.annotations", key));
        }
    }
    let runtimes = [
        (queries::JVM, Language::Java),
        (queries::DOTNET, Language::Dotnet),
        (queries::NODE, Language::Node),
        (queries::PYTHON, Language::Python),
        (queries::RUBY, Language::Ruby),
        // Last: an injected agent written in Go shows its own runtime beside the app's.
        (queries::GO, Language::Go),
    ];
    for (template, language) in runtimes {
        let Some(answer) = find(world.facts, template) else { continue };
        for id in observed::pods_of(&world.model, &answer.series) {
            saw(id, language, Evidence::new(&answer.promql, "", "runtime metrics"));
        }
    }
    for (id, spec) in world.templates.iter().enumerate() {
        let workload = &world.model.workloads[id];
        for (language, evidence) in from_template(workload, spec) {
            saw(id, language, placed(evidence, workload));
        }
    }
    for (workload, languages) in world.model.workloads.iter_mut().zip(found) {
        workload.languages = languages;
    }
}

fn placed(evidence: Evidence, workload: &crate::model::Workload) -> Evidence {
    Evidence { place: workload.place.clone(), ..evidence }
}

/// `instrumentation.opentelemetry.io/inject-java: "true"`, or the name of an Instrumentation.
fn injected(annotations: &std::collections::BTreeMap<String, String>) -> Vec<(String, Language)> {
    let of = |(key, value): (&String, &String)| {
        let language = sdk(key.strip_prefix("instrumentation.opentelemetry.io/inject-")?)?;
        (value != "false" && !value.is_empty()).then(|| (format!("{key}={value}"), language))
    };
    annotations.iter().filter_map(of).collect()
}

fn from_template(workload: &crate::model::Workload, spec: &view::PodSpec) -> Vec<(Language, Evidence)> {
    let mut found = Vec::new();
    let main = config::containers(spec).filter(|(_, init)| !init).map(|(c, _)| c);
    let mut images = Vec::new();
    for container in main {
        let path = format!("{}.containers[{}]", config::pod_spec_path(workload.kind), &*container.name);
        for var in &container.env {
            let exact = VARIABLES.iter().find(|(name, _)| *name == &*var.name).map(|(_, language)| *language);
            let dotnet = var.name.starts_with("ASPNETCORE_") || var.name.starts_with("DOTNET_");
            if let Some(language) = exact.or(dotnet.then_some(Language::Dotnet)) {
                found.push((language, Evidence::new(workload.title(), format!("{path}.env[{}]", &*var.name), &*var.name)));
            }
        }
        if let Some(word) = container.command.first().or(container.args.first()) {
            let program = word.rsplit('/').next().unwrap_or_default();
            let language = match program {
                "java" => Some(Language::Java),
                "node" | "npm" | "yarn" | "pnpm" => Some(Language::Node),
                "python" | "python3" | "gunicorn" | "uvicorn" | "flask" | "celery" => Some(Language::Python),
                "dotnet" => Some(Language::Dotnet),
                "ruby" | "bundle" | "puma" | "rails" => Some(Language::Ruby),
                "php" | "php-fpm" => Some(Language::Php),
                _ => None,
            };
            if let Some(language) = language {
                found.push((language, Evidence::new(workload.title(), format!("{path}.command"), program)));
            }
        }
        if let Some(language) = base_image(roles::repository(&container.image)) {
            let evidence =
                Evidence::new(workload.title(), format!("{path}.image"), format!("{} (a hint only)", &*container.image));
            images.push((language, evidence));
        }
    }
    found.extend(images);
    found
}
