//! What a build said, in one line.

/// How many characters of a stranger's words are shown.
const MOST: usize = 300;

/// The line of pip's output that tells most: what the build backend said last (pip frames it), else pip's own last
/// error, else the last line.
pub(super) fn essence(output: &str) -> String {
    let lines = || output.lines().map(|line| line.trim_start_matches(['│', '|', ' ']).trim());
    let said = || lines().filter(|line| !line.is_empty() && !line.starts_with("[notice]"));
    let before_end = || {
        let end = said().collect::<Vec<_>>();
        let at = end.iter().rposition(|line| line.starts_with("[end of output]"))?;
        end.get(at.checked_sub(1)?).map(|line| (*line).to_owned())
    };
    let error = || said().filter(|line| line.starts_with("ERROR:")).last().map(str::to_owned);
    let last = || said().last().map(str::to_owned);
    shorten(&before_end().or_else(error).or_else(last).unwrap_or_default())
}

/// One printable line of bounded length.
pub(super) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}

/// The end of an output, for the log.
pub(super) fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default();
    last.iter().map(|line| shorten(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backends_last_words_stand_for_a_whole_output() {
        let framed = "  × Building wheel for a did not run successfully.\n  ╰─> [3 lines of output]\n      \
                      Traceback\n      RuntimeError: no compiler\n      [end of output]\n  note: from a subprocess\n\
                      ERROR: Failed to build one or more wheels\n\n[notice] A new release of pip is available\n";
        for (output, line) in [
            (framed, "RuntimeError: no compiler"),
            (
                "x\nERROR: No matching distribution found for a\nbye\n",
                "ERROR: No matching distribution found for a",
            ),
            ("x\n  killed\x1b[0m\n", "killed [0m"),
            ("", ""),
        ] {
            assert_eq!(essence(output), line);
        }
        assert_eq!(essence(&"x".repeat(5000)).len(), MOST);
    }
}
