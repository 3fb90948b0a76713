//! The frames of Git's wire protocol, as far as a push must be read before git is asked to take it.

/// Ends a list of frames.
pub(super) const FLUSH: &[u8] = b"0000";
/// The most one frame may carry in a side band.
const BAND_BYTES: usize = 65_515;

/// One frame.
pub(super) fn line(text: &str) -> Vec<u8> {
    frame(&[], text.as_bytes())
}

fn frame(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:04x}", 4 + head.len() + body.len()).into_bytes();
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(body);
    bytes
}

/// What a push wants of one reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// `refs/heads/main`.
    pub(super) reference: String,
    /// Whether the client takes the report in a side band.
    side_band: bool,
}

/// What a push begins with; `None` when there must be more to come, an error when it is something else.
pub(super) fn commands(bytes: &[u8]) -> Result<Option<Vec<Command>>, ()> {
    let mut commands: Vec<Command> = Vec::new();
    let mut rest = bytes;
    loop {
        let Some((length, after)) = rest.split_at_checked(4) else {
            return Ok(None);
        };
        let length = std::str::from_utf8(length).map_err(|_| ())?;
        let length = usize::from_str_radix(length, 16).map_err(|_| ())?;
        if length == 0 {
            return Ok(Some(commands));
        }
        let Some((body, after)) = after.split_at_checked(length.checked_sub(4).ok_or(())?) else {
            return Ok(None);
        };
        rest = after;
        let text = String::from_utf8_lossy(body);
        let (command, capabilities) = text.split_once('\0').unwrap_or((&text, ""));
        match command.trim_end().splitn(3, ' ').collect::<Vec<_>>()[..] {
            [_, _, reference] => commands.push(Command {
                reference: reference.to_owned(),
                side_band: capabilities
                    .split_whitespace()
                    .any(|word| word == "side-band-64k"),
            }),
            // A shallow clone says where it ends before it says what it pushes.
            [_, _] if text.starts_with("shallow ") => {}
            _ => return Err(()),
        }
    }
}

/// The report of a push that was refused as a whole, with words for the user's terminal.
pub(super) fn refusal(commands: &[Command], words: &str) -> Vec<u8> {
    let mut report = line("unpack ok\n");
    for command in commands {
        report.extend(line(&format!(
            "ng {} pre-receive hook declined\n",
            command.reference
        )));
    }
    report.extend_from_slice(FLUSH);
    if !commands.first().is_some_and(|first| first.side_band) {
        return report;
    }
    let mut bytes = frame(&[2], format!("recant demo: {words}\n").as_bytes());
    for part in report.chunks(BAND_BYTES) {
        bytes.extend(frame(&[1], part));
    }
    bytes.extend_from_slice(FLUSH);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_read_up_to_its_flush_however_it_is_cut() {
        let zero = "0".repeat(40);
        let mut bytes = line(&format!(
            "{zero} {zero} refs/heads/a\0 report-status side-band-64k\n"
        ));
        bytes.extend(line(&format!("{zero} {zero} refs/heads/b c\n")));
        bytes.extend_from_slice(FLUSH);
        bytes.extend_from_slice(b"PACK....");
        let end = bytes.len() - b"PACK....".len();
        for cut in 0..end {
            assert_eq!(commands(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let read = commands(&bytes).expect("it is a push").expect("it is whole");
        let names: Vec<&str> = read.iter().map(|command| command.reference.as_str()).collect();
        assert_eq!(names, ["refs/heads/a", "refs/heads/b c"]);
        assert!(read[0].side_band);
    }

    #[test]
    fn what_is_no_push_is_an_error_and_never_a_panic() {
        for bytes in [
            &b"zzzz"[..],
            b"0001",
            b"0003abc",
            b"0009hello",
            b"\xff\xff\xff\xff",
        ] {
            assert_eq!(commands(bytes), Err(()), "{bytes:?}");
        }
    }
}
