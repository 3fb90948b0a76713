//! How a person, or a cluster, ends the program.

/// Waits for Ctrl-C, or for the SIGTERM that a cluster sends.
///
/// # Errors
/// When the signals cannot be had.
pub async fn interrupted() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
