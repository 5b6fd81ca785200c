//! Nothing: this package only asks for features. `Cargo.toml` says which, and why.
