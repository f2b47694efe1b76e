//! Resilience inside applications (generation 1), as far as the cluster shows it.
//!
//! Libraries such as gobreaker, tenacity or failsafe leave no trace: what isn't found here is not visible, never absent.

use super::config;
use super::observed;
use super::queries::{self, find};
use super::world::World;
use crate::model::{Evidence, Language, Library, Sighting, WorkloadId};

/// A mark in configuration: a word, the library, and whether it alone means retries.
const MARKS: [(&str, &str, bool); 11] = [
    ("resilience4j.retry", "resilience4j", true),
    ("resilience4j", "resilience4j", false),
    ("hystrix.", "hystrix", false),
    ("ribbon.maxautoretries", "ribbon", true),
    ("ribbon", "ribbon", false),
    ("spring.cloud.loadbalancer.retry", "spring-cloud", true),
    ("spring.cloud.", "spring-cloud", false),
    ("eureka.", "eureka", false),
    ("polly.", "polly", true),
    ("retrypolicy", "grpc-client", true),
    ("hystrix:", "hystrix", false),
];

/// Libraries that a text names. `SPRING_CLOUD_X`, `spring.cloud.x` and `"spring.cloud.x"` are the same.
fn named(text: &str) -> Vec<(&'static str, bool)> {
    // Cheap refusal first: most lines name none of them.
    const STEMS: [&str; 7] = ["resilience", "hystrix", "ribbon", "spring", "eureka", "polly", "retrypolicy"];
    let lower = text.to_ascii_lowercase();
    if !STEMS.iter().any(|stem| lower.contains(stem)) {
        return Vec::new();
    }
    let plain = lower.replace(['_', '-'], ".");
    let at_word = |mark: &str| {
        plain.match_indices(mark).any(|(at, _)| !plain[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric()))
    };
    let mut found: Vec<(&'static str, bool)> = Vec::new();
    for (mark, library, retries) in MARKS {
        if at_word(mark) && !found.iter().any(|(known, _)| *known == library) {
            found.push((library, retries));
        }
    }
    found
}

/// Adds what configuration and metrics show.
pub fn collect(world: &mut World) {
    let mut found: Vec<(WorkloadId, &'static str, bool, Evidence)> = Vec::new();
    for (id, spec) in world.templates.iter().enumerate() {
        let workload = &world.model.workloads[id];
        for setting in config::settings(world, &workload.namespace, spec) {
            // The value counts too: SPRING_APPLICATION_JSON, JAVA_OPTS, a gRPC service config.
            for (library, retries) in named(&setting.name).into_iter().chain(named(&setting.value)) {
                // A Service called `ribbon` in a URL is no library; settings are keys, not addresses.
                if !setting.value.contains("://") || !named(&setting.name).is_empty() {
                    let text = if setting.name.is_empty() { library.to_owned() } else { setting.name.clone() };
                    found.push((id, library, retries, setting.evidence(workload, text)));
                }
            }
        }
    }
    for (namespace, maps) in &world.config_maps {
        for (name, map) in maps {
            for (key, text) in &map.data {
                for (library, retries, line) in in_file(text) {
                    let evidence =
                        Evidence::new(format!("ConfigMap {namespace}/{name}"), format!("data[{key}] line {line}"), library);
                    let evidence = Evidence { place: map.object.place.clone(), ..evidence };
                    for id in &map.readers {
                        // A Java library's settings in a file that a Python workload also mounts aren't its own.
                        let languages = &world.model.workloads[*id].languages;
                        let fits = languages.is_empty()
                            || languages.iter().any(|l| l.what == Language::Java)
                            || library == "polly"
                            || library == "grpc-client";
                        if fits {
                            found.push((*id, library, retries, evidence.clone()));
                        }
                    }
                }
            }
        }
    }
    let metrics = [
        (queries::RESILIENCE4J, "resilience4j"),
        (queries::HYSTRIX, "hystrix"),
        (queries::POLLY, "polly"),
        (queries::GRPC_CLIENT, "grpc-client"),
    ];
    for (template, library) in metrics {
        let Some(answer) = find(world.facts, template) else { continue };
        for id in observed::pods_of(&world.model, &answer.series) {
            found.push((id, library, false, Evidence::new(&answer.promql, "", "metrics of the library")));
        }
    }
    for (id, name, retries, evidence) in found {
        let libraries = &mut world.model.workloads[id].libraries;
        match libraries.iter_mut().find(|l| l.what.name == name) {
            // Retries are a stronger word than mere presence, so its evidence is shown.
            Some(known) if retries && !known.what.retries => {
                *known = Sighting { what: Library { name: name.to_owned(), retries }, evidence }
            }
            Some(_) => {}
            None => libraries.push(Sighting { what: Library { name: name.to_owned(), retries }, evidence }),
        }
    }
}

/// Libraries of a file with the line; YAML's nesting is followed as far as `resilience4j:` … `retry:`.
fn in_file(text: &str) -> Vec<(&'static str, bool, usize)> {
    let mut found: Vec<(&'static str, bool, usize)> = Vec::new();
    if text.len() > 512 * 1024 {
        return found;
    }
    let (mut in_resilience, mut in_spring) = (false, false);
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        if !line.starts_with(char::is_whitespace) && !line.is_empty() {
            in_resilience = line.starts_with("resilience4j:");
            in_spring = line.starts_with("spring:");
        }
        let mut add = |library, retries| match found.iter_mut().find(|(known, _, _)| *known == library) {
            Some(known) => known.1 |= retries,
            None => found.push((library, retries, at + 1)),
        };
        for (library, retries) in named(line) {
            add(library, retries);
        }
        match line.trim_end() {
            _ if in_resilience && line.trim_start().starts_with("retry") => add("resilience4j", true),
            "eureka:" => add("eureka", false),
            "ribbon:" => add("ribbon", false),
            other if in_spring && other == "  cloud:" => add("spring-cloud", false),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_every_spelling() {
        assert_eq!(named("RESILIENCE4J_RETRY_INSTANCES_A_MAXATTEMPTS"), [("resilience4j", true)]);
        assert_eq!(named("hystrix.command.default.timeout"), [("hystrix", false)]);
        assert_eq!(named("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE"), [("eureka", false)]);
        assert_eq!(named("orders.ribbon.MaxAutoRetries=3"), [("ribbon", true)]);
        assert_eq!(named(r#"{"methodConfig":[{"retryPolicy":{"maxAttempts":4}}]}"#), [("grpc-client", true)]);
        assert_eq!(named("JAVA_OPTS"), []);
        assert_eq!(named("springfield"), []);
        assert_eq!(
            in_file("spring:\n  cloud:\n    x: 1\nresilience4j:\n  retry:\n    a: 1\n"),
            [("spring-cloud", false, 2), ("resilience4j", true, 4)]
        );
    }
}
