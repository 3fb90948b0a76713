//! The words on a terminal: aligned where it is wide enough, one below the other where it is not.

use super::field::plain;
use super::trail::Place;
use super::trail::Step;
use super::trail::Told;
use super::trail::What;
use super::trail::date;
use anstyle::AnsiColor;
use anstyle::Color;
use anstyle::Style;
use std::io::IsTerminal as _;
use std::io::Write;

/// Columns are only worth it from here on, in characters.
const NARROW: usize = 90;
/// The least that is left for a value as it is written.
const MIN_TEXT: usize = 16;
/// The longest author that is shown in a column.
const MAX_AUTHOR: usize = 20;

const FIELD: Style = Style::new().bold();
const NAME: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan)));
const COMMIT: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
const QUIET: Style = Style::new().dimmed();

/// How many characters fit on a line: as `COLUMNS` says, or the terminal; `None` where nothing has to fit.
pub(super) fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let is_terminal = std::io::stdout().is_terminal();
    told.or_else(|| {
        let (width, _) = terminal_size::terminal_size().filter(|_| is_terminal)?;
        Some(usize::from(width.0))
    })
}

/// Prints all of it.
pub(super) fn print(
    told: &Told,
    title: &str,
    width: Option<usize>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let columns = Columns::of(told, width);
    writeln!(out, "{}", cut(title, width))?;
    for field in &told.fields {
        heading(&field.shown, &plain(&field.value).replace('\n', "⏎"), width, out)?;
        if field.steps.is_empty() {
            writeln!(out, "  {NAME}generated{NAME:#}  out of no file")?;
        }
        for step in &field.steps {
            columns.step(step, out)?;
        }
    }
    for deleted in &told.deleted {
        let shown = cut(&deleted.shown, width.map(|width| width.saturating_sub(11)));
        writeln!(out, "\n{FIELD}{shown}{FIELD:#} is deleted")?;
        for step in &deleted.was {
            columns.step(step, out)?;
        }
        for step in &deleted.by {
            let name = match &step.what {
                What::Transformer(op) => format!("deleted by {op}"),
                _ => "deleted by".to_owned(),
            };
            columns.row(&name, step.place.as_ref(), out)?;
        }
    }
    Ok(())
}

/// A field and its value, on two lines where one is not enough.
fn heading(field: &str, value: &str, width: Option<usize>, out: &mut impl Write) -> anyhow::Result<()> {
    let used = field.chars().count() + 3;
    match width {
        Some(width) if used + MIN_TEXT > width => {
            // The end of a field says more than its beginning.
            let spare = (used - 1).saturating_sub(width);
            let field: String = match spare {
                0 => field.to_owned(),
                _ => ["…".to_owned(), field.chars().skip(spare + 1).collect()].concat(),
            };
            let value = cut(value, Some(width.saturating_sub(4)));
            writeln!(out, "\n{FIELD}{field}{FIELD:#} =\n    {value}")?;
        }
        _ => {
            let value = cut(value, width.map(|width| width - used));
            writeln!(out, "\n{FIELD}{field}{FIELD:#} = {value}")?;
        }
    }
    Ok(())
}

/// How wide each column is; `None` for one thing below the other.
struct Columns {
    width: Option<usize>,
    widths: Option<[usize; 3]>,
}

impl Columns {
    fn of(told: &Told, width: Option<usize>) -> Self {
        let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
        let steps = || {
            let fields = told.fields.iter().flat_map(|field| &field.steps);
            fields.chain(told.deleted.iter().flat_map(|deleted| &deleted.was))
        };
        let by = told.deleted.iter().flat_map(|deleted| &deleted.by);
        let names = steps().map(|step| name(&step.what).chars().count());
        let names = longest(&mut names.chain(by.map(|step| name(&step.what).chars().count() + 11)));
        let places = longest(&mut told.places().map(|place| spot(place).chars().count()));
        let texts = longest(&mut told.places().map(|place| place.text.chars().count()));
        let fixed = 2 + names + 2 + places + 2;
        // Commit, date and author.
        let tail = 2 + 8 + 1 + 10 + 1 + MAX_AUTHOR;
        let texts = match width {
            None => texts.min(60),
            Some(width) => texts.min(width.saturating_sub(fixed + tail)),
        };
        let fits = width.is_none_or(|width| width >= NARROW && fixed + tail + MIN_TEXT <= width);
        Self {
            width,
            widths: fits.then_some([names, places, texts]),
        }
    }

    fn step(&self, step: &Step, out: &mut impl Write) -> anyhow::Result<()> {
        if let What::Outside(reference) = &step.what {
            let room = self.width.map(|width| width.saturating_sub(20).max(MIN_TEXT));
            let reference = cut(reference, room);
            writeln!(out, "  {NAME}outside of Git{NAME:#}  {reference}")?;
            return Ok(());
        }
        self.row(name(&step.what), step.place.as_ref(), out)
    }

    fn row(&self, name: &str, place: Option<&Place>, out: &mut impl Write) -> anyhow::Result<()> {
        let Some(place) = place else {
            writeln!(out, "  {NAME}{name}{NAME:#}")?;
            return Ok(());
        };
        let spot = spot(place);
        let (commit, rest) = touched(place);
        match self.widths {
            Some([names, places, texts]) => {
                let text = cut(&place.text, Some(texts));
                writeln!(
                    out,
                    "  {NAME}{name:<names$}{NAME:#}  {spot:<places$}  {text:<texts$}  {COMMIT}{commit}{COMMIT:#}{QUIET}{rest}{QUIET:#}"
                )?;
            }
            None => {
                let room = |used: usize| self.width.map(|width| width.saturating_sub(used).max(MIN_TEXT));
                writeln!(
                    out,
                    "  {NAME}{name}{NAME:#} {}",
                    cut(&spot, room(3 + name.chars().count()))
                )?;
                writeln!(out, "    {}", cut(&place.text, room(4)))?;
                let rest = cut(&rest, room(4 + commit.chars().count()));
                writeln!(out, "    {COMMIT}{commit}{COMMIT:#}{QUIET}{rest}{QUIET:#}")?;
            }
        }
        Ok(())
    }
}

fn name(what: &What) -> &str {
    match what {
        What::Written => "written",
        What::Transformer(op) => op,
        What::Outside(_) => "outside of Git",
    }
}

fn spot(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

/// The commit, and what there is to say of it.
fn touched(place: &Place) -> (String, String) {
    match &place.touch {
        Some(touch) => {
            let author = cut(&touch.author, Some(MAX_AUTHOR));
            let commit = touch.commit.chars().take(8).collect();
            (commit, format!(" {} {author}", date(touch.time_s, false)))
        }
        None => ("not committed".to_owned(), String::new()),
    }
}

/// A text that fits, with an ellipsis where something is left out.
fn cut(text: &str, room: Option<usize>) -> String {
    match room {
        Some(room) if text.chars().count() > room => {
            let kept: String = text.chars().take(room.saturating_sub(1)).collect();
            format!("{kept}…")
        }
        _ => text.to_owned(),
    }
}
