//! The promises of the launcher and the packager's tool, one module each. `support/` is the ground they stand on.
#![allow(clippy::disallowed_methods, reason = "tests look at the disk with the standard library's own eyes")]
#![allow(clippy::unwrap_used, reason = "a test whose own ground gives way should end there")]
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    reason = "short builders read better; nothing here is hot or hostile"
)]
#![allow(unreachable_pub, reason = "in a test binary nothing is reachable from outside")]
#![allow(clippy::new_without_default, reason = "tests say what they make")]
#![allow(missing_docs, reason = "documented where the name does not say it all")]

mod support;

mod promises {
    // The ground itself.
    mod the_ground_holds;

    // The app starts, and starting costs nothing.
    #[cfg(target_arch = "x86_64")]
    mod crash_safety;
    mod damage;
    mod hooks_and_verify;
    mod interpreters;
    mod launch;
    mod launch_details;
    mod probation;
    mod progress;
    mod scarcity;
    mod start_storm;
    mod starts;
    mod warm_path;

    // It stays current, and never gets in the way.
    mod bad_index;
    mod building;
    mod corporate_networks;
    mod corporate_networks_downloads;
    mod corporate_networks_families;
    mod corporate_networks_tls;
    mod direct_addresses;
    mod links_pages;
    mod network_trouble;
    mod pinning;
    mod pipper;
    mod private_indexes;
    mod release_source;
    mod s3;
    mod s3_rpc;
    mod s3_trouble;
    mod source_kinds;
    mod sources;
    mod updates;
    mod version_control;

    // It is let in.
    mod credentials;
    mod credentials_services;

    // It can be explained.
    mod commands;
    mod config_errors;
    mod config_kinds;
    mod doctor;
    mod explaining;
    mod housekeeping;

    // The packager's tool does what the launcher does.
    mod authorizing;
    mod bundling;
    mod from_pipper;
    mod lock;
    mod publishing;
    mod repositories;
    mod rpc;
    mod story;
    mod tool;

    // It is written down.
    mod documentation;

    // What others decided is decided the same way.
    mod oracle;

    // No bytes do harm.
    mod archive_differentials;
    mod bad_input;
    mod corpus;
}
