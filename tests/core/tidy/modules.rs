//! Which module of `src` imports which, and where the imports run in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use super::{read, root};

type Module = Vec<String>;

/// The circles, each as the modules that can all reach each other.
pub(super) fn cycles(files: &[PathBuf]) -> Vec<String> {
    let modules: BTreeMap<Module, &Path> = files
        .iter()
        .map(|file| (module_of(file), &**file))
        .collect();
    let imports: BTreeMap<&Module, BTreeSet<Module>> = modules
        .iter()
        .map(|(module, file)| (module, imports(module, file, &modules)))
        .collect();
    let reach: BTreeMap<&Module, BTreeSet<&Module>> = imports
        .keys()
        .map(|module| (*module, reached(module, &imports)))
        .collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle: BTreeSet<&Module> = reached
            .iter()
            .copied()
            .filter(|other| reach[other].contains(*module))
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let name = |circle: BTreeSet<&Module>| {
        let names: Vec<String> = circle.into_iter().map(|module| module.join("::")).collect();
        format!("a circle of imports: {}", names.join(", "))
    };
    circles.into_iter().map(name).collect()
}

fn module_of(file: &Path) -> Module {
    let inner = file.strip_prefix(root().join("src")).unwrap();
    let mut module: Module = inner
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    module
}

fn reached<'m>(
    from: &Module,
    imports: &BTreeMap<&'m Module, BTreeSet<Module>>,
) -> BTreeSet<&'m Module> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from.clone()];
    while let Some(module) = left.pop() {
        for next in &imports[&module] {
            let (key, _) = imports.get_key_value(next).unwrap();
            if reached.insert(*key) {
                left.push(next.clone());
            }
        }
    }
    reached
}

/// The modules that a file names in its imports and paths, itself left out.
fn imports(own: &Module, file: &Path, modules: &BTreeMap<Module, &Path>) -> BTreeSet<Module> {
    let mut names = Names {
        own: own.clone(),
        modules,
        found: BTreeSet::new(),
    };
    names.visit_file(&syn::parse_file(&read(file)).unwrap());
    names.found.remove(own);
    names.found
}

struct Names<'m> {
    /// The module that is being read: the file's, or one that is written out in it.
    own: Module,
    modules: &'m BTreeMap<Module, &'m Path>,
    found: BTreeSet<Module>,
}

impl Names<'_> {
    /// A path as the file writes it: `crate::…`, `super::…`, `self::…`, or by the name of an inner module.
    fn path(&mut self, parts: &[String]) {
        let Some((first, rest)) = parts.split_first() else {
            return;
        };
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.own.clone(),
            "super" => self.own[..self.own.len().saturating_sub(1)].to_vec(),
            inner => {
                let module = [&self.own[..], &[inner.to_owned()]].concat();
                if !self.modules.contains_key(&module) {
                    return;
                }
                module
            }
        };
        for part in rest {
            if part == "super" {
                module.pop();
                continue;
            }
            module.push(part.clone());
            if !self.modules.contains_key(&module) {
                module.pop();
                break;
            }
        }
        if self.modules.contains_key(&module) {
            self.found.insert(module);
        }
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.path(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.path(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.path(before),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree);
                }
            }
        }
    }
}

impl Visit<'_> for Names<'_> {
    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        self.own.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.own.pop();
    }

    /// Who may see a thing imports nothing.
    fn visit_visibility(&mut self, _: &syn::Visibility) {}

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let parts: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if matches!(parts[0].as_str(), "crate" | "self" | "super") && parts.len() > 1 {
            self.path(&parts);
        }
        visit::visit_path(self, path);
    }
}
