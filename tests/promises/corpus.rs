//! What a fuzzer once found, or was told to begin with, holds without it: the targets of `fuzz/` over their corpus.
//! `scripts/fuzz` goes on from here.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use targets::{TARGETS, Target};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(target: &str) -> Vec<PathBuf> {
    let mut seeds: Vec<PathBuf> = std::fs::read_dir(fuzz().join("corpus").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    seeds
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What is wrong with a seed: its target's own complaint, or that the other answer was given than its name says.
fn fault(target: Target, seed: &Path) -> Option<String> {
    let bytes = std::fs::read(seed).unwrap();
    let accepted = match catch_unwind(|| target(&bytes)) {
        Ok(accepted) => accepted,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            return Some(words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned());
        }
    };
    let name = name(seed);
    match (name.split('-').next(), accepted) {
        (Some("honest"), true) | (Some("refused"), false) => None,
        (Some("honest"), false) => Some("it was refused".to_owned()),
        (Some("refused"), true) => Some("it was accepted".to_owned()),
        _ => Some("its name must begin with 'honest-' or 'refused-'".to_owned()),
    }
}

#[test]
fn every_seed_is_accepted_or_refused_as_its_name_says() {
    let faults: Vec<String> = TARGETS
        .iter()
        .flat_map(|&(folder, target)| seeds(folder).into_iter().map(move |seed| (folder, target, seed)))
        .filter_map(|(folder, target, seed)| {
            Some(format!("{folder}/{}: {}", name(&seed), fault(target, &seed)?))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_target_has_a_program_and_seeds_of_both_kinds() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        let names: Vec<String> = seeds(target).iter().map(|seed| name(seed)).collect();
        for kind in ["honest-", "refused-"] {
            assert!(names.iter().any(|name| name.starts_with(kind)), "{target} has no seed {kind}…");
        }
        assert!(manifest.contains(&format!("name = \"{target}\"\npath = \"bin/{target}.rs\"")), "{target}");
        let program = std::fs::read_to_string(fuzz().join(format!("bin/{target}.rs"))).unwrap();
        assert!(program.contains(&format!("    {target}(bytes);")), "{target}");
    }
    let known: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let folders = std::fs::read_dir(fuzz().join("corpus")).unwrap();
    assert_eq!(folders.map(|folder| name(&folder.unwrap().path())).collect::<BTreeSet<_>>(), known);
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

#[test]
fn the_corpus_stays_small() {
    let sizes =
        TARGETS.iter().flat_map(|(target, _)| seeds(target)).map(|seed| seed.metadata().unwrap().len());
    assert!(sizes.sum::<u64>() < 300_000);
}
