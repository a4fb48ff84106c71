#!/usr/bin/env python3
"""Every RFC that the code cites stands in common/RFC.md, with Yes, Partial or No; and cites have one spelling: RFC 5321 4.5.2."""
import os
import re
import sys

SOURCE = os.environ.get('LAB_SOURCE', os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ('common', 'dns', 'dhcp', 'directory', 'mail', 'labctl', 'tests')
mistakes = []

table = {}
with open(f'{SOURCE}/common/RFC.md') as f:
    for number, line in enumerate(f, 1):
        row = re.match(r'\| (\d+) \| (.+?) \| (.+?) \|', line)
        if row is None:
            continue
        if row[3].split()[0].rstrip(',:;') not in ('Yes', 'Partial', 'No'):
            mistakes.append(f'common/RFC.md:{number}: RFC {row[1]} says {row[3]!r}; it must begin with Yes, Partial or No')
        table[row[1]] = number

cited = set()
for folder in FOLDERS:
    for path, _, names in os.walk(f'{SOURCE}/{folder}'):
        for name in names:
            if not name.endswith(('.cpp', '.hpp', '.py')) or name == 'rfc_table.py':
                continue
            with open(f'{path}/{name}', errors='replace') as f:
                for number, line in enumerate(f, 1):
                    place = f'{os.path.relpath(path, SOURCE)}/{name}:{number}'
                    for rfc in re.findall(r'RFC (\d+)', line):
                        cited.add(rfc)
                        if rfc not in table:
                            mistakes.append(f'{place}: RFC {rfc} is not in common/RFC.md')
                    for odd in re.findall(r'\brfc \d+|RFC \d+ ?§|RFC-\d+', line):
                        mistakes.append(f'{place}: {odd!r}; write RFC 5321 4.5.2')
for rfc in sorted(set(table) - cited, key=int):
    mistakes.append(f'common/RFC.md:{table[rfc]}: RFC {rfc} is cited nowhere')

print('\n'.join(mistakes) or f'{len(cited)} RFCs are cited, all in common/RFC.md')
sys.exit(bool(mistakes))
