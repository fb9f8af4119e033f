"""AG-UI 1.0, the protocol between agents and the pages that people meet them on: https://docs.ag-ui.com"""
