#[test]
fn x() {
    println!("{}", recant::manifests::all().len());
}
