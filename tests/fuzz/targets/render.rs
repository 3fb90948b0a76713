//! Rendering: whatever a tree holds, there is an answer within bounded time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::roots;

fuzz_target!(|text: &str| {
    let tree = Tree::fixture(text);
    let plain = Root::default();
    for root in roots(&tree).iter().take(8).chain([&plain]) {
        let rendered = render(&tree, root);
        for object in &rendered.objects {
            let _ = (object.id(), object.json(), object.origins().count());
        }
    }
});
