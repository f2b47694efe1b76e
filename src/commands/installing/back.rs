//! Back to what was there before the last run: release by release, to the revision before, or away with it if there was none.

use super::planning::{Choices, Ground, compare, failed, kept, of_mesh, placed};
use crate::charts::object::{self, Ref};
use crate::charts::plan::{Plan, SCHEMA, Step};
use crate::charts::release::{self, Info, Release};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Distribution;
use serde_json::Value;

/// What has to be done to go back.
pub struct Back {
    pub plan: Plan,
    /// Releases that the last run made.
    pub new: Vec<Release>,
}

/// The last run touched all releases of one time.
pub async fn plan(ground: &Ground<'_>, mesh: &str, all: &Distribution, revision: &str, now: &str) -> Result<Back> {
    let ours: Vec<_> = of_mesh(ground, all, revision).collect();
    let last = ours.iter().map(|(_, release)| release.info.last_deployed.as_str()).max().unwrap_or_default().to_owned();
    let mut new = Vec::new();
    let mut steps = Vec::new();
    for (part, release) in ours.into_iter().filter(|(_, release)| release.info.last_deployed == last) {
        match good(&history(ground, release).await?, release.version) {
            Some(earlier) => steps.push(step(ground, part.id, release, earlier, now)?),
            None => new.push(release.clone()),
        }
    }
    if steps.is_empty() && new.is_empty() {
        return Err(Error::new(Kind::Input, format!("there is no release of {mesh} to go back with")));
    }
    let mut plan = Plan {
        schema: SCHEMA.to_owned(),
        mesh: mesh.to_owned(),
        profile: "as before".to_owned(),
        revision: revision.to_owned(),
        cluster: ground.cluster.clone(),
        namespaces: Vec::new(),
        keys: Vec::new(),
        steps,
    };
    // Going back is asked for in order to undo what others did as well.
    compare(ground, &mut plan, all, &Choices { take_ownership: true, force_conflicts: true, recreate: true }).await?;
    Ok(Back { plan, new })
}

/// The newest revision before this one that once was in force.
fn good(history: &[Release], version: u64) -> Option<&Release> {
    let was = |release: &&Release| {
        release.version < version && matches!(release.info.status.as_str(), release::DEPLOYED | release::SUPERSEDED)
    };
    history.iter().filter(was).max_by_key(|release| release.version)
}

async fn history(ground: &Ground<'_>, release: &Release) -> Result<Vec<Release>> {
    let labels = format!("owner=helm,name={}", release.name);
    let found = ground.writer.list(&ground.kinds, ("v1", "Secret"), Some(&release.namespace), &labels).await;
    let found = found.map_err(|e| failed(&format!("read the history of {}", release.name), &e))?;
    // One that can't be read is none to go back to.
    Ok(found.iter().filter_map(|secret| Release::decode(secret["data"]["release"].as_str()?).ok()).collect())
}

fn step(ground: &Ground<'_>, part: &str, now_there: &Release, earlier: &Release, now: &str) -> Result<Step> {
    let info = Info {
        first_deployed: now_there.info.first_deployed.clone(),
        last_deployed: now.to_owned(),
        description: format!("Rollback to {}", earlier.version),
        notes: earlier.info.notes.clone(),
        ..Info::default()
    };
    let release = Release { version: now_there.version + 1, info, ..earlier.clone() };
    let mut objects: Vec<Value> = kept(earlier, &ground.kinds)?;
    for object in &mut objects {
        placed(object, &ground.kinds, &release.namespace);
        object::mark(object, &release.name, &release.namespace);
    }
    let part = part.to_owned();
    Ok(Step { part, release, objects, ..Step::default() })
}

/// Takes a release away: its objects, last ones first, and its record. Objects that their chart says to keep stay.
pub async fn erase(ground: &Ground<'_>, release: &Release) -> Result<()> {
    let remove =
        |at: Ref| async move { ground.writer.delete(&ground.kinds, &at).await.map_err(|e| failed(&format!("remove {at}"), &e)) };
    for object in kept(release, &ground.kinds)?.iter().rev().filter(|object| !object::is_kept(object)) {
        remove(Ref::of(object)).await?;
    }
    for version in 1..=release.version {
        let secret = Release { version, ..release.clone() }.secret_name();
        remove(Ref::new("v1", "Secret", &release.namespace, &secret)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_is_to_what_was_in_force_last() {
        let revision = |version: u64, status: &str| Release {
            version,
            info: Info { status: status.to_owned(), ..Info::default() },
            ..Release::default()
        };
        let history = [revision(1, "superseded"), revision(3, "failed"), revision(2, "deployed"), revision(4, "failed")];
        assert_eq!(good(&history, 4).map(|r| r.version), Some(2), "failed attempts are passed over");
        assert_eq!(good(&history, 2).map(|r| r.version), Some(1));
        assert!(good(&history, 1).is_none() && good(&history[1..2], 4).is_none());
    }
}
