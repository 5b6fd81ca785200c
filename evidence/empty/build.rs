//! Links the function as the product is linked (docs/decisions/0017-the-function-runs-at-a-fixed-address.md): the floor
//! is to differ from it in nothing but its work.

#[expect(clippy::disallowed_methods, reason = "how cargo tells a build script")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
