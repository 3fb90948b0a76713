//! The one place that chooses rustls' cryptography.

use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Makes aws-lc-rs the process's provider. Every adapter that opens TLS connections calls it first; once is enough.
pub fn install() {
    INSTALLED.call_once(|| {
        // An error means that one is installed already, which serves as well.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    });
}
