//! The variables of markers and their values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A variable that a marker can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// `os.name`
    OsName,
    /// `sys.platform`
    SysPlatform,
    /// `platform.machine()`
    PlatformMachine,
    /// `platform.python_implementation()`
    PlatformPythonImplementation,
    /// `platform.release()`
    PlatformRelease,
    /// `platform.system()`
    PlatformSystem,
    /// `platform.version()`
    PlatformVersion,
    /// The first two numbers of the interpreter's version.
    PythonVersion,
    /// `platform.python_version()`
    PythonFullVersion,
    /// `sys.implementation.name`
    ImplementationName,
    /// `sys.implementation.version`
    ImplementationVersion,
    /// The extra that is wanted; empty for none.
    Extra,
    /// All extras that are wanted (PEP 751).
    Extras,
    /// All dependency groups that are wanted (PEP 751).
    DependencyGroups,
}

impl Variable {
    /// Every spelling, the dotted ones of PEP 345 and an old one of setuptools included.
    pub(super) const SPELLINGS: [(&'static str, Self); 20] = [
        ("os_name", Self::OsName),
        ("os.name", Self::OsName),
        ("sys_platform", Self::SysPlatform),
        ("sys.platform", Self::SysPlatform),
        ("platform_machine", Self::PlatformMachine),
        ("platform.machine", Self::PlatformMachine),
        ("platform_python_implementation", Self::PlatformPythonImplementation),
        ("platform.python_implementation", Self::PlatformPythonImplementation),
        ("python_implementation", Self::PlatformPythonImplementation),
        ("platform_release", Self::PlatformRelease),
        ("platform_system", Self::PlatformSystem),
        ("platform_version", Self::PlatformVersion),
        ("platform.version", Self::PlatformVersion),
        ("python_version", Self::PythonVersion),
        ("python_full_version", Self::PythonFullVersion),
        ("implementation_name", Self::ImplementationName),
        ("implementation_version", Self::ImplementationVersion),
        ("extra", Self::Extra),
        ("extras", Self::Extras),
        ("dependency_groups", Self::DependencyGroups),
    ];

    /// The name as PEP 508 spells it.
    pub fn name(self) -> &'static str {
        Self::SPELLINGS.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }

    /// Whether its values are compared as versions.
    pub(super) fn is_version(self) -> bool {
        use Variable::{ImplementationVersion, PlatformRelease, PythonFullVersion, PythonVersion};
        matches!(self, ImplementationVersion | PlatformRelease | PythonFullVersion | PythonVersion)
    }
}

/// What the variables of PEP 508 hold for one interpreter on one machine; an unknown value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
// By way of a map: eleven fields of derived code would be 20 kB of the launcher.
#[serde(from = "BTreeMap<String, String>")]
pub struct MarkerEnvironment {
    /// `os.name`
    pub os_name: String,
    /// `sys.platform`
    pub sys_platform: String,
    /// `platform.machine()`
    pub platform_machine: String,
    /// `platform.python_implementation()`
    pub platform_python_implementation: String,
    /// `platform.release()`
    pub platform_release: String,
    /// `platform.system()`
    pub platform_system: String,
    /// `platform.version()`
    pub platform_version: String,
    /// The first two numbers of the interpreter's version.
    pub python_version: String,
    /// `platform.python_version()`; see [`MarkerEnvironment::normalized`].
    pub python_full_version: String,
    /// `sys.implementation.name`
    pub implementation_name: String,
    /// `sys.implementation.version`
    pub implementation_version: String,
}

impl From<BTreeMap<String, String>> for MarkerEnvironment {
    fn from(values: BTreeMap<String, String>) -> Self {
        Self::from_pairs(values)
    }
}

impl MarkerEnvironment {
    /// Takes the pairs whose first is a variable's name, and leaves the others.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in pairs {
            if let Some(slot) = environment.slot(name.as_ref()) {
                *slot = value.into();
            }
        }
        environment.normalized()
    }

    /// The value of a variable by its name; `None` for a name that is none of the eleven.
    pub fn get(&self, name: &str) -> Option<&str> {
        use Variable::{DependencyGroups, Extra, Extras};
        let (_, variable) = Variable::SPELLINGS.iter().find(|(spelling, _)| *spelling == name)?;
        (!matches!(variable, Extra | Extras | DependencyGroups)).then(|| self.value(*variable))
    }

    /// With a `python_full_version` that is a version: builds of an untagged checkout end in a bare `+`.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        if self.python_full_version.ends_with('+') {
            self.python_full_version.push_str("local");
        }
        self
    }

    pub(super) fn value(&self, variable: Variable) -> &str {
        match variable {
            Variable::OsName => &self.os_name,
            Variable::SysPlatform => &self.sys_platform,
            Variable::PlatformMachine => &self.platform_machine,
            Variable::PlatformPythonImplementation => &self.platform_python_implementation,
            Variable::PlatformRelease => &self.platform_release,
            Variable::PlatformSystem => &self.platform_system,
            Variable::PlatformVersion => &self.platform_version,
            Variable::PythonVersion => &self.python_version,
            Variable::PythonFullVersion => &self.python_full_version,
            Variable::ImplementationName => &self.implementation_name,
            Variable::ImplementationVersion => &self.implementation_version,
            Variable::Extra | Variable::Extras | Variable::DependencyGroups => "",
        }
    }

    /// All eleven values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        Variable::SPELLINGS
            .iter()
            .filter(|(name, variable)| variable.name() == *name)
            .map(|(_, v)| self.value(*v))
    }

    fn slot(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "os_name" => &mut self.os_name,
            "sys_platform" => &mut self.sys_platform,
            "platform_machine" => &mut self.platform_machine,
            "platform_python_implementation" => &mut self.platform_python_implementation,
            "platform_release" => &mut self.platform_release,
            "platform_system" => &mut self.platform_system,
            "platform_version" => &mut self.platform_version,
            "python_version" => &mut self.python_version,
            "python_full_version" => &mut self.python_full_version,
            "implementation_name" => &mut self.implementation_name,
            "implementation_version" => &mut self.implementation_version,
            _ => return None,
        })
    }
}
