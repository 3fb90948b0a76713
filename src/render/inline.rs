//! YAML inside of YAML: how the spans of a text in a block scalar become spans of the file around it.

use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::origin::Src;
use crate::session::Session;
use crate::yaml::parse::Place;

/// The place of a text that stands inside of another file.
///
/// A literal block scalar keeps its lines, so they map one to one; any other form of scalar is one place as a whole.
pub(crate) fn place(session: &Session<'_>, text: &Text) -> Place {
    let whole = Place::Whole(text.origin);
    let OriginId::Src(src) = text.origin else {
        return whole;
    };
    let Some(bytes) = session.tree.bytes(session.arena.name(src.file)) else {
        return whole;
    };
    lines(bytes, src, &text.text).unwrap_or(whole)
}

fn lines(file: &[u8], src: Src, text: &str) -> Option<Place> {
    let mut starts = Vec::new();
    let (mut inner, mut outer) = (0_usize, src.start as usize);
    // The span of a block scalar begins after its header line, before or after the indentation of the first line.
    while outer > 0 && file[outer - 1] != b'\n' {
        outer -= 1;
    }
    let first_line = 1 + file[..outer].iter().filter(|b| **b == b'\n').count();
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        let rest = file.get(outer..)?;
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let there = std::str::from_utf8(&rest[..end]).ok()?.trim_end_matches('\r');
        let indent = there.len().checked_sub(body.len())?;
        if !there.ends_with(body) || !there[..indent].bytes().all(|b| b == b' ') {
            return None;
        }
        starts.push((inner as u32, (outer + indent) as u32));
        inner += line.len();
        outer += end + 1;
    }
    (!starts.is_empty()).then_some(Place::Lines {
        file: src.file,
        first_line: first_line as u32,
        starts,
    })
}
