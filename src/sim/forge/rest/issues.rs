//! What hangs on a pull request's number: comments and labels.

use super::Answer;
use super::Asked;
use super::Response;
use crate::forge::Refusal;
use crate::forge::record::Comment;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct NewLabel {
    #[serde(default)]
    name: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    description: String,
}

/// Labels by id or by name.
#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    labels: Vec<Value>,
}

impl Asked<'_> {
    pub(super) fn issues(&mut self, parts: &[&str]) -> Answer {
        match (self.method(), parts) {
            ("GET", ["comments", id]) => {
                let (number, comment) = self.find_comment(id)?;
                Ok(Response::json(200, self.show_comment(number, &comment)))
            }
            ("PATCH", ["comments", id]) => self.edit_comment(id),
            ("GET", [number, "comments"]) => {
                let pull = self.find_pull(number)?;
                let show = |comment: &Comment| self.show_comment(pull.number, comment);
                Ok(self.page(pull.comments.iter().map(show).collect()))
            }
            ("POST", [number, "comments"]) => self.create_comment(number),
            ("GET", [number, "labels"]) => self.labels_on(number),
            ("POST" | "PUT", [number, "labels"]) => self.set_labels(number),
            _ => Err(Refusal::not_found()),
        }
    }

    fn find_comment(&self, id: &str) -> Result<(u64, Comment), Refusal> {
        let desk = self.forge.desks.get(&self.repo).ok_or_else(Refusal::not_found)?;
        let mut all = desk
            .pulls
            .values()
            .flat_map(|pull| pull.comments.iter().map(|comment| (pull.number, comment)));
        let found = all.find(|(_, comment)| comment.id.to_string() == id);
        let (number, comment) = found.ok_or_else(Refusal::not_found)?;
        Ok((number, comment.clone()))
    }

    fn create_comment(&mut self, number: &str) -> Answer {
        let by = self.by()?;
        let pull = self.find_pull(number)?;
        let text = self.comment_text()?;
        let id = self.forge.comment(by, &self.repo, pull.number, &text)?;
        let (number, comment) = self.find_comment(&id.to_string())?;
        Ok(Response::json(201, self.show_comment(number, &comment)))
    }

    fn edit_comment(&mut self, id: &str) -> Answer {
        let by = self.by()?;
        let (number, comment) = self.find_comment(id)?;
        if comment.user != by.user {
            self.writer().map_err(|_| Refusal::new(403, ""))?;
        }
        let text = self.comment_text()?;
        let pull = self.forge.pull_to_comment(&self.repo, number)?;
        if let Some(comment) = pull.comments.iter_mut().find(|other| other.id == comment.id) {
            comment.body = text;
            comment.updated = by.now;
        }
        let (number, comment) = self.find_comment(id)?;
        Ok(Response::json(200, self.show_comment(number, &comment)))
    }

    fn comment_text(&self) -> Result<String, Refusal> {
        let form: Text = self.form()?;
        if form.body.is_empty() {
            return Err(Refusal::new(422, "[Body]: Required"));
        }
        Ok(form.body)
    }

    fn labels_on(&self, number: &str) -> Answer {
        let pull = self.find_pull(number)?;
        let labels = self.forge.labels_of(&self.repo, &pull);
        Ok(self.page(
            labels
                .iter()
                .map(|l| self.forge.show_label(&self.repo, l))
                .collect(),
        ))
    }

    fn set_labels(&mut self, number: &str) -> Answer {
        let by = self.writer()?;
        let form: Labels = self.form()?;
        let number = self.find_pull(number)?.number;
        let keep = self.method() == "POST";
        let named = |label: &Value| match label {
            Value::String(name) => self.label_named(name),
            other => other.as_u64(),
        };
        let new = self.known_labels(form.labels.iter().filter_map(named).collect());
        let pull = self.forge.pull_to_edit(&self.repo, number, by)?;
        if !keep {
            pull.labels.clear();
        }
        for id in new {
            if !pull.labels.contains(&id) {
                pull.labels.push(id);
            }
        }
        self.labels_on(&number.to_string())
    }

    fn label_named(&self, name: &str) -> Option<u64> {
        let desk = self.forge.desks.get(&self.repo)?;
        desk.labels
            .iter()
            .find(|label| label.name == name)
            .map(|label| label.id)
    }

    /// Those that are labels of this repository.
    pub(super) fn known_labels(&self, ids: Vec<u64>) -> Vec<u64> {
        let desk = self.forge.desks.get(&self.repo);
        let known = |id: &u64| desk.is_some_and(|desk| desk.labels.iter().any(|label| label.id == *id));
        ids.into_iter().filter(known).collect()
    }

    pub(super) fn labels(&mut self) -> Answer {
        match self.method() {
            "GET" => {
                let desk = self.forge.desks.get(&self.repo);
                let labels = desk.into_iter().flat_map(|desk| &desk.labels);
                Ok(self.page(labels.map(|l| self.forge.show_label(&self.repo, l)).collect()))
            }
            "POST" => self.create_label(),
            _ => Err(Refusal::not_found()),
        }
    }

    fn create_label(&mut self) -> Answer {
        self.writer()?;
        let form: NewLabel = self.form()?;
        let color = form.color.trim_start_matches('#').to_lowercase();
        if form.name.is_empty() {
            return Err(Refusal::new(422, "[Name]: Required"));
        }
        if color.len() != 6 || !color.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Refusal::new(422, format!("invalid color: {}", form.color)));
        }
        let id = self
            .forge
            .new_label(&self.repo, &form.name, &color, &form.description);
        let desk = self.forge.desks.get(&self.repo);
        let label = desk.and_then(|desk| desk.labels.iter().find(|label| label.id == id));
        let label = label.ok_or_else(Refusal::not_found)?;
        Ok(Response::json(201, self.forge.show_label(&self.repo, label)))
    }
}
