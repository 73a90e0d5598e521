//! The page of `chart` in a browser that is not ours: what it draws, and that it has nothing to
//! say.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::ZlibDecoder;

use crate::past_reports::report;
use crate::past_reports::run_in;

/// Asks every drawing what the browser made of it: how many lines have a size, and how many letters
/// and labels stand within the drawing.
const ASK: &str = "<script>addEventListener('load', () => {
  const sized = [...document.querySelectorAll('main path.line')].filter(it => {
    const box = it.getBoundingClientRect();
    return box.width > 50 && it.getTotalLength() > 50 && getComputedStyle(it).stroke !== 'none';
  });
  const outside = [...document.querySelectorAll('main text')].filter(it => {
    const box = it.getBoundingClientRect(), all = it.closest('svg').getBoundingClientRect();
    return box.width === 0 || box.left < all.left || box.right > all.right
      || box.bottom > all.bottom;
  });
  document.body.dataset.told = `lines ${sized.length} outside ${outside.length} `
    + `paper ${getComputedStyle(document.body).backgroundColor}`;
});</script>";

/// What the browser made of a page: its document, and what its console and its log said of it.
struct Shown {
    document: String,
    complaints: Vec<String>,
}

fn browser(folder: &Path, page: &str, more: &[&str]) -> Shown {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--no-first-run"])
        .args(["--enable-logging=stderr", "--v=0", "--window-size=1300,1500", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(more)
        .arg(format!("file://{}", folder.join(page).display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr);
    Shown {
        document: String::from_utf8(output.stdout).unwrap(),
        complaints: log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect(),
    }
}

/// Makes the page of two runs, with a script more.
fn page(folder: &Path, script: &str) -> String {
    for shard in 0..2 {
        fs::write(folder.join(format!("{shard}.json")), report(shard)).unwrap();
    }
    let said = run_in(folder, &["chart", "0.json", "1.json", "-o", "out.html"]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    let html = fs::read_to_string(folder.join("out.html")).unwrap();
    html.replace("</body>", &format!("{script}</body>"))
}

#[test]
#[ignore = "needs chromium"]
fn browser_draws_every_line_in_light_and_dark_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let html = page(folder.path(), ASK);
    // Of two runs; where no control group counts it, nothing is known of throttling.
    let lines = html.split("<main>").nth(1).unwrap().matches("class=\"line ").count();
    assert!(lines >= 16, "{lines}");
    fs::write(folder.path().join("asked.html"), html).unwrap();
    for (scheme, paper) in [("1", "rgb(255, 255, 255)"), ("0", "rgb(20, 23, 27)")] {
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let shown = browser(folder.path(), "asked.html", &[&scheme]);
        assert_eq!(shown.complaints, Vec::<String>::new());
        let told = shown.document.split("data-told=\"").nth(1).unwrap();
        let told = told.split('"').next().unwrap();
        assert_eq!(told, format!("lines {lines} outside 0 paper {paper}"));
    }
}

/// Returns what a printed page draws: the operators of the PDF's streams.
fn printed(pdf: &[u8]) -> String {
    let streams = pdf.split_inclusive(|byte| *byte == b'\n').fold(Vec::new(), |mut all, line| {
        if line.ends_with(b"stream\n") && !line.starts_with(b"endstream") {
            all.push(Vec::new());
        } else if let Some(last) = all.last_mut() {
            last.extend_from_slice(line);
        }
        all
    });
    let mut drawn = String::new();
    for stream in streams {
        // What is no text, such as a font, is passed over.
        drop(ZlibDecoder::new(&stream[..]).read_to_string(&mut drawn));
    }
    drawn
}

#[test]
#[ignore = "needs chromium"]
fn browser_prints_every_line_on_white_paper() {
    let folder = tempfile::tempdir().unwrap();
    let print = |html: &str| {
        fs::write(folder.path().join("printed.html"), html).unwrap();
        let file = folder.path().join("out.pdf");
        let to = format!("--print-to-pdf={}", file.display());
        // Whoever looks at it in the dark prints on white all the same.
        let dark = "--blink-settings=preferredColorScheme=0";
        let shown = browser(folder.path(), "printed.html", &[dark, &to]);
        assert_eq!(shown.complaints, Vec::<String>::new());
        printed(&fs::read(file).unwrap())
    };
    let html = page(folder.path(), "");
    let drawn = print(&html);
    let count = |what: &str| drawn.lines().filter(|line| line.contains(what)).count();
    // The colours of page.css: the paper, the small print, and the lines of the two runs.
    let small = ".2667 .2667 .2667 rg";
    for colour in ["1 1 1 rg", small, "0 .4471 .698 RG", ".8353 .3686 0 RG"] {
        assert!(count(colour) > 0, "{colour}");
    }
    assert!(drawn.lines().filter(|line| *line == "S").count() >= 16, "{drawn}");
    // Without its rules for paper it would print in the colours of a screen.
    assert!(!print(&html.replace("@media print", "@media speech")).contains(small));
}

#[test]
#[ignore = "needs chromium"]
fn browser_would_show_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let html = page(folder.path(), ASK);
    let broken = html.replacen("class=\"line l0\" d=\"M", "class=\"line l0\" d=\"MNaN", 2);
    assert_ne!(broken, html);
    fs::write(folder.path().join("broken.html"), broken).unwrap();
    let shown = browser(folder.path(), "broken.html", &[]);
    assert!(shown.complaints.iter().any(|it| it.contains("attribute d")), "{:?}", shown.complaints);
    let whole = html.split("<main>").nth(1).unwrap().matches("class=\"line ").count();
    let told = format!("data-told=\"lines {} ", whole - 1);
    assert!(shown.document.contains(&told), "{}", shown.document);
    let asking = page(folder.path(), "<script>nobody()</script><img src=\"gone.png\">");
    fs::write(folder.path().join("asking.html"), asking).unwrap();
    let complaints = browser(folder.path(), "asking.html", &[]).complaints.join("\n");
    assert!(complaints.contains("nobody is not defined"), "{complaints}");
}
