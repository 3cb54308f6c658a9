import CupelAuditReports
import CupelModelFormat
import Foundation

/// What sorts and filters the rows of a sweep's page. It makes no markup of text.
enum SweepScript {
  static let markup: Markup = """
    'use strict';
    const table = document.getElementById('tasks');
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const words = document.getElementById('words');
    const state = document.getElementById('state');
    const shown = document.getElementById('shown');
    const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
    function filter() {
      const wanted = words.value.toLowerCase().split(' ').filter(word => word);
      let count = 0;
      for (const row of rows) {
        const text = texts.get(row);
        const kept = wanted.every(word => text.includes(word))
          && (!state.value || row.dataset.state === state.value);
        row.hidden = !kept;
        if (kept) count += 1;
      }
      shown.textContent = count + ' of ' + rows.length + ' tasks';
    }
    function sort(button) {
      const head = button.closest('th');
      const column = Number(button.dataset.column);
      const isNumber = head.dataset.kind === 'number';
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const key = row => {
        const text = row.cells[column].textContent;
        return isNumber ? (text === '' ? -Infinity : Number(text)) : text;
      };
      const compare = (x, y) => isNumber ? (x < y ? -1 : x > y ? 1 : 0) : x.localeCompare(y);
      rows.sort((a, b) => down ? compare(key(b), key(a)) : compare(key(a), key(b)));
      body.append(...rows);
    }
    words.addEventListener('input', filter);
    state.addEventListener('change', filter);
    document.querySelector('form').addEventListener('submit', event => event.preventDefault());
    table.tHead.addEventListener('click', event => {
      const button = event.target.closest('button');
      if (button) sort(button);
    });
    """

  /// SHA-256 of the script in base64, by which the page names the only script that may run.
  static let digest: String = {
    var hash = SHA256()
    Array(markup.text.utf8).withUnsafeBytes { hash.update($0) }
    let words = hash.finish()
    let bytes = (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 4] >> (24 - 8 * ($0 % 4))) }
    return Data(bytes).base64EncodedString()
  }()
}
