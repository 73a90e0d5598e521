//! What the machine's CPUs call themselves.

use std::fs;

/// Returns the name of the first CPU; `None` where the kernel does not say.
#[must_use]
pub fn model() -> Option<String> {
    parse(&fs::read_to_string("/proc/cpuinfo").ok()?)
}

/// Reads a `model name`, or what stands for it on 64-bit ARM: the numbers of implementer and part.
fn parse(text: &str) -> Option<String> {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            (known.trim() == name).then(|| value.trim()).filter(|value| !value.is_empty())
        })
    };
    value("model name").map(str::to_owned).or_else(|| {
        let (implementer, part) = (value("CPU implementer")?, value("CPU part")?);
        Some(format!("implementer {implementer}, part {part}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_where_the_kernel_has_one() {
        let x86 = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\n\nprocessor\t: 1\n";
        assert_eq!(parse(x86).as_deref(), Some("Some CPU @ 2.0GHz"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        assert_eq!(parse(arm).as_deref(), Some("implementer 0x41, part 0xd0c"));
        assert_eq!(parse("processor\t: 0\nmodel name\t:\n"), None);
    }
}
